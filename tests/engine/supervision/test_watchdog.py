"""A hung engine is told from a busy one, and from our own absence."""

from service.engine.base import Progress
from service.engine.supervision.watchdog import Watchdog
from tests.engine.supervision.test_deaths import Clock


def look(watchdog: Watchdog, clock: Clock, seconds: int, *, steps: int = 0, running: int = 1, slow: float = 0.0) -> str:
    """What the watchdog says within so many seconds, looking every half second; "" for nothing."""
    for tick in range(2 * seconds):
        clock.now += 0.5
        if said := watchdog.look(Progress(steps * tick, running, slow), 0.0):
            return said
    return ""


def test_no_step_for_ten_seconds_is_a_hang() -> None:
    clock = Clock()
    watchdog = Watchdog(10, clock)
    assert not look(watchdog, clock, 10)
    assert "made no step" in look(watchdog, clock, 1)


def test_steps_are_life() -> None:
    clock = Clock()
    assert not look(Watchdog(10, clock), clock, 100, steps=1)


def test_an_idle_engine_needs_no_steps() -> None:
    clock = Clock()
    assert not look(Watchdog(10, clock), clock, 100, running=0)


def test_slow_steps_are_given_twenty_times_their_time() -> None:
    clock = Clock()
    watchdog = Watchdog(10, clock)
    assert not look(watchdog, clock, 39, slow=2.0)
    assert look(watchdog, clock, 2, slow=2.0)


def test_a_silent_process_is_a_hang_even_when_idle() -> None:
    watchdog, idle = Watchdog(10, Clock()), Progress(5, 0, 0.1)
    assert watchdog.look(idle, 10.0) is None
    assert "said nothing" in (watchdog.look(idle, 10.5) or "")


def test_our_own_pause_is_not_held_against_the_engine() -> None:
    clock = Clock()
    watchdog = Watchdog(10, clock)
    watchdog.look(Progress(5, 1, 0.1), 0.4)
    clock.now += 60
    assert watchdog.look(Progress(5, 1, 0.1), 60.4) is None
    assert not look(watchdog, clock, 9)
