"""An engine that dies or stands still behind its socket is noticed, and what it had in hand is told why."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from service.engine.base import DeltaStream, Health, Phase
from service.engine.client import HostedEngine
from service.engine.deltas import Delta
from service.engine.hosted import host_engine
from service.engine.prompts import Prompt, TextPrompts
from service.engine.requests import GenerationRequest, Sampling
from service.errors import EngineDiedError, EngineUnavailableError
from service.settings import EngineSettings, Settings, SimulationSettings

SETTINGS = Settings(
    engine=EngineSettings(kind="simulated", model="sim"),
    simulation=SimulationSettings(itl_seconds=0.002, faults=True),
)


@pytest.fixture
async def engine() -> AsyncIterator[HostedEngine]:
    engine = host_engine(SETTINGS)
    await engine.start(lambda health: None)
    yield engine
    await engine.aclose()


async def running(engine: HostedEngine, text: str) -> DeltaStream:
    """A generation without end."""
    (prompt,) = await engine.render(TextPrompts(prompts=[text]))
    return engine.generate(request(prompt, 9999))


def request(prompt: Prompt, max_tokens: int) -> GenerationRequest:
    return GenerationRequest(id="a", prompt=prompt, sampling=Sampling(max_tokens=max_tokens, ignore_eos=True))


async def read(stream: DeltaStream) -> tuple[list[Delta], EngineDiedError]:
    """All deltas before the death, and the death."""
    deltas: list[Delta] = []
    async with asyncio.timeout(2):
        try:
            async for ready in stream:
                deltas.extend(ready)
        except EngineDiedError as error:
            return deltas, error
    raise AssertionError("it did not die")


async def test_what_a_killed_host_had_in_hand_fails_within_a_second(engine: HostedEngine) -> None:
    streams = [await running(engine, "x"), await running(engine, "y")]
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    killed = time.monotonic()
    errors = [(await read(stream))[1] for stream in streams]
    assert time.monotonic() - killed < 1
    assert all("killed by signal 9 (SIGKILL)" in error.message for error in errors)
    assert engine.health().phase is Phase.FAILED


async def test_a_request_to_a_dead_engine_was_never_in_its_hand(engine: HostedEngine) -> None:
    stream = await running(engine, "[[die at 0]]")
    await read(stream)
    with pytest.raises(EngineUnavailableError) as raised:
        await anext(engine.generate(request(Prompt(token_ids=[1]), 1)))
    assert type(raised.value) is EngineUnavailableError


async def test_a_poison_prompt_kills_the_engine_in_place_of_its_token(engine: HostedEngine) -> None:
    healthy, poison = await running(engine, "x"), await running(engine, "[[die at 5]]")
    deltas, _ = await read(poison)
    assert len(deltas) <= 5
    await read(healthy)


async def test_heartbeats_tell_of_steps_and_requests(engine: HostedEngine) -> None:
    stream = await running(engine, "x")
    async with asyncio.timeout(5):
        while (first := engine.progress()) is None or not first.running:
            await anext(stream)
        while (then := engine.progress()) is None or then.steps <= first.steps:
            await anext(stream)
    assert then.running == 1 and then.slow_step_seconds == 0.002


async def test_an_engine_that_hangs_is_heard_but_takes_no_step(engine: HostedEngine) -> None:
    hanging = await running(engine, "[[hang at 3]]")
    told = 0
    while told < 3:
        told += len(await anext(hanging))
    await next_heartbeat(engine)
    first = await next_heartbeat(engine)
    second = await next_heartbeat(engine)
    assert first == second and engine.silence_seconds < 2
    await hanging.aclose()


async def next_heartbeat(engine: HostedEngine) -> object:
    """What the host tells next."""
    last = engine.silence_seconds
    async with asyncio.timeout(5):
        while (now := engine.silence_seconds) >= last:
            last = now
            await asyncio.sleep(0.01)
    return engine.progress()


async def test_a_stopped_host_is_silent(engine: HostedEngine) -> None:
    assert engine.pid is not None
    await next_heartbeat(engine)
    os.kill(engine.pid, signal.SIGSTOP)
    async with asyncio.timeout(5):
        while engine.silence_seconds < 1.2:
            await asyncio.sleep(0.01)
    os.kill(engine.pid, signal.SIGCONT)
    await next_heartbeat(engine)
    assert engine.silence_seconds < 1


async def test_a_death_while_starting_fails_the_start() -> None:
    reports: list[Health] = []
    engine = host_engine(SETTINGS.model_copy(update={"simulation": SimulationSettings(load_seconds=60)}))
    starting = asyncio.create_task(engine.start(reports.append))
    async with asyncio.timeout(10):
        while not reports:
            await asyncio.sleep(0.01)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(EngineDiedError, match="SIGKILL") as raised:
        await starting
    assert type(raised.value) is EngineDiedError and reports[-1].phase is Phase.FAILED
    await engine.aclose()
