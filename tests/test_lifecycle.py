"""Readiness, refusals and the count of what is in flight."""

import asyncio

from service.engine.base import Health, Phase
from service.errors import EngineUnavailableError, ShuttingDownError
from service.lifecycle import Lifecycle
from tests.engine_info import INFO


class Clock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_retry_after_is_what_is_left_of_the_last_start() -> None:
    clock = Clock()
    lifecycle = Lifecycle(expected_start_seconds=40, clock=clock)
    clock.now += 15
    refusal = lifecycle.refusal()
    assert isinstance(refusal, EngineUnavailableError)
    assert refusal.headers["retry-after"] == "25"
    clock.now += 60
    assert lifecycle.refusal().headers["retry-after"] == "2"  # type: ignore[union-attr]


def test_a_ready_engine_refuses_nobody_and_a_draining_process_everybody() -> None:
    lifecycle = Lifecycle()
    lifecycle.started(INFO)
    assert lifecycle.refusal() is None
    lifecycle.drain()
    assert isinstance(lifecycle.refusal(), ShuttingDownError)


def test_the_snapshot_tells_phase_fraction_and_seconds() -> None:
    clock = Clock()
    lifecycle = Lifecycle(clock=clock)
    clock.now += 5
    lifecycle.report(Health(Phase.LOADING_WEIGHTS, 0.25))
    clock.now += 2
    snapshot = lifecycle.snapshot()
    assert (snapshot["phase"], snapshot["fraction"]) == ("loading weights", 0.25)
    assert (snapshot["phase_seconds"], snapshot["elapsed_seconds"]) == (2, 7)


async def test_it_is_idle_when_the_last_request_has_left() -> None:
    lifecycle = Lifecycle()
    lifecycle.enter()
    lifecycle.enter()
    waiting = asyncio.create_task(lifecycle.idle())
    lifecycle.leave()
    await asyncio.sleep(0)
    assert not waiting.done()
    lifecycle.leave()
    await waiting
