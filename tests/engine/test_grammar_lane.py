"""How the worker's time is shared out, by a clock that the test turns."""

import asyncio
from collections.abc import Callable

import pytest

from service.engine.grammar_lane import GrammarLane


class Time:
    """Stands still until it is told to go on, and then calls what is due."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.due.append((self.now + seconds, call))

    def go_to_the_next(self) -> None:
        """Whatever is due next happens now."""
        at, call = self.due.pop(0)
        self.now = max(self.now, at)
        call()

    def lane(self, *, rest: float, burst: float = 0, patience: float = 60) -> GrammarLane:
        return GrammarLane(
            asyncio.Lock(), rest=rest, burst=burst, patience=patience, clock=lambda: self.now, later=self.later
        )


async def attempts(time: Time, lane: GrammarLane, number: int, seconds: float) -> list[float]:
    """When each of so many attempts began that all came at once."""
    began = []

    async def attempt() -> None:
        async with lane.turn():
            began.append(time.now)
            time.now += seconds

    tasks = [asyncio.create_task(attempt()) for _ in range(number)]
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)
        if time.due:
            time.go_to_the_next()
    return began


async def test_whatever_comes_the_worker_works_a_third_of_the_time() -> None:
    time = Time()
    began = await attempts(time, time.lane(rest=2), 50, 0.6)
    assert began == pytest.approx([1.8 * number for number in range(50)])


async def test_a_burst_has_no_rest_in_it() -> None:
    time = Time()
    began = await attempts(time, time.lane(rest=4, burst=1.25), 4, 0.5)
    assert began == pytest.approx([0, 0.5, 1.0, 2.5])


async def test_a_lane_that_rested_has_its_burst_again() -> None:
    time = Time()
    lane = time.lane(rest=2, burst=1)
    await attempts(time, lane, 5, 1)
    time.now += 100
    assert await attempts(time, lane, 2, 0.5) == pytest.approx([time.now - 1, time.now - 0.5])


async def test_who_waits_too_long_is_told() -> None:
    lane = Time().lane(rest=2, patience=0)
    async with lane.turn():
        with pytest.raises(TimeoutError):
            async with lane.turn():
                pytest.fail("it is taken")


async def test_an_attempt_that_fails_gives_the_lane_back() -> None:
    time = Time()
    lane = time.lane(rest=2, burst=9)
    with pytest.raises(OSError, match="broken"):
        async with lane.turn():
            raise OSError("broken")
    time.go_to_the_next()
    async with lane.turn():
        pass


async def test_of_two_lanes_one_at_a_time_has_the_worker() -> None:
    time, worker = Time(), asyncio.Lock()
    light, heavy = (GrammarLane(worker, rest=2, burst=9, patience=0, later=time.later) for _ in range(2))
    async with light.turn():
        with pytest.raises(TimeoutError):
            async with heavy.turn():
                pytest.fail("it is at work")
    async with heavy.turn():
        pass
