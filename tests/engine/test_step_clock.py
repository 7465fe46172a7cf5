"""Steps are counted and timed."""

from service.engine.base import Progress
from service.engine.step_clock import StepClock


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_step_lasts_from_the_arrival_of_work_or_from_the_step_before() -> None:
    time = Clock()
    clock = StepClock(time)
    time.now = 100
    clock.work_arrived()
    time.now = 103
    clock.step_ended(more=True)
    clock.work_arrived()
    time.now = 104
    clock.step_ended(more=False)
    assert clock.progress(1) == Progress(2, 1, 3.0)


def test_a_pause_is_no_step() -> None:
    time = Clock()
    clock = StepClock(time)
    clock.work_arrived()
    clock.progress(0)  # it was refused on its way
    time.now = 500
    clock.step_ended(more=False)
    assert clock.progress(0).slow_step_seconds == 0


def test_one_slow_step_of_many_is_no_slow_step() -> None:
    time = Clock()
    clock = StepClock(time)
    clock.work_arrived()
    for duration in (9.0, *[0.5] * 198, 7.0):
        time.now += duration
        clock.step_ended(more=True)
    assert clock.progress(1).slow_step_seconds == 7.0
    for _ in range(200):
        time.now += 0.5
        clock.step_ended(more=True)
    assert clock.progress(1).slow_step_seconds == 0.5
