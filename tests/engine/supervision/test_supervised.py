"""Engines die under their streams, and the streams go on: simulated ones, in real processes that are really killed."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from service.engine.base import RESUMING, Health, Phase
from service.engine.client import HostedEngine
from service.engine.deltas import Delta
from service.engine.hosted import host_engine
from service.engine.prompts import ChatPrompt, TextPrompts
from service.engine.requests import GenerationRequest, Sampling
from service.engine.supervision import SupervisedEngine
from service.errors import EngineUnavailableError, InternalError, InvalidRequestError
from service.settings import EngineSettings, Settings, SimulationSettings, SupervisionSettings
from service.telemetry import Telemetry

TOKENS = 40


class Supervised:
    """A supervised engine, and all that it said of its health."""

    def __init__(self, simulation: dict[str, Any], supervision: dict[str, Any]) -> None:
        settings = Settings(
            engine=EngineSettings(kind="simulated", model="sim"),
            simulation=SimulationSettings(**{"itl_seconds": 0.01, "faults": True, **simulation}),
            supervision=SupervisionSettings(**supervision),
        )
        self.telemetry = Telemetry()
        self.engines: list[HostedEngine] = []
        self.heard: list[Health] = []

        def build() -> HostedEngine:
            self.engines.append(host_engine(settings))
            return self.engines[-1]

        self.engine = SupervisedEngine(build, settings.supervision, self.telemetry)

    def kill(self) -> None:
        """SIGKILL to the process of the engine that runs now."""
        pid = self.engines[-1].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    async def phase(self, phase: Phase) -> None:
        """Wait until the engine is in this phase."""
        async with asyncio.timeout(20):
            while self.engine.health().phase is not phase:
                await asyncio.sleep(0.01)

    async def ask(self, prompt: str = "Tell me", **sampling: Any) -> GenerationRequest:
        """A request for `TOKENS` tokens."""
        (rendered,) = await self.engine.render(TextPrompts(prompts=[prompt]))
        chosen = {"max_tokens": TOKENS, "ignore_eos": True, "temperature": 0.0, **sampling}
        whole = chosen.pop("whole", False)
        return GenerationRequest(id=os.urandom(4).hex(), prompt=rendered, sampling=Sampling(**chosen), whole=whole)


@contextlib.asynccontextmanager
async def supervised(simulation: dict[str, Any] | None = None, **supervision: Any) -> AsyncIterator[Supervised]:
    """One that has started."""
    made = Supervised(simulation or {}, supervision)
    await made.engine.start(made.heard.append)
    try:
        yield made
    finally:
        await made.engine.aclose()


async def read(
    supervised: Supervised, request: GenerationRequest, *, kills: Sequence[int] = ()
) -> list[Sequence[Delta]]:
    """All that a stream yields; the engine is killed when so many tokens have been told."""
    told: list[Sequence[Delta]] = []
    to_come = list(kills)
    stream = supervised.engine.generate(request)
    async with asyncio.timeout(30):
        async for deltas in stream:
            told.append(deltas)
            if to_come and len(ids(told)) >= to_come[0]:
                del to_come[0]
                supervised.kill()
    await stream.aclose()
    return told


def ids(told: Sequence[Sequence[Delta]], index: int = 0) -> list[int]:
    return [token for deltas in told for delta in deltas if delta.index == index for token in delta.token_ids]


def text(told: Sequence[Sequence[Delta]], index: int = 0) -> str:
    return "".join(delta.text for deltas in told for delta in deltas if delta.index == index)


@pytest.mark.parametrize("cut", [1, 7, 33, TOKENS - 1])
async def test_a_stream_goes_on_token_for_token(cut: int) -> None:
    async with supervised() as it:
        request = await it.ask()
        whole = await read(it, request)
        cut_up = await read(it, await it.ask(), kills=[cut])
        assert (text(cut_up), ids(cut_up)) == (text(whole), ids(whole))
        assert len(ids(cut_up)) == TOKENS
        assert RESUMING in cut_up
        assert it.telemetry.resumed.values[()] == 1


@pytest.mark.parametrize("sampling", [{"n": 3}, {"stop": ["xyzzy", "out. The"]}, {"logprobs": 1}, {"whole": True}])
async def test_whatever_was_asked_for_goes_on(sampling: dict[str, Any]) -> None:
    async with supervised() as it:
        whole = await read(it, await it.ask(**sampling))
        reading = asyncio.create_task(read(it, await it.ask(**sampling), kills=[5]))
        if "whole" in sampling:
            await asyncio.sleep(0.1)
            it.kill()
        cut_up = await reading
        for index in range(3):
            assert (text(cut_up, index), ids(cut_up, index)) == (text(whole, index), ids(whole, index))


async def test_who_hears_late_of_a_death_does_not_blame_the_next_engine() -> None:
    async with supervised() as it:
        stream = it.engine.generate(await it.ask())
        told = [await anext(stream)]
        it.kill()
        await it.phase(Phase.RESTARTING)
        await it.phase(Phase.READY)
        told += [deltas async for deltas in stream]
        await stream.aclose()
        assert len(ids(told)) == TOKENS
        assert len(it.engines) == 2


async def test_a_death_is_not_held_against_who_was_not_in_that_engines_hands() -> None:
    async with supervised() as it:
        stream = it.engine.generate(await it.ask())
        told = [await anext(stream)]
        for engines in (1, 2):
            it.kill()
            await it.phase(Phase.RESTARTING)
            await it.phase(Phase.READY)
            assert len(it.engines) == engines + 1
        told += [deltas async for deltas in stream]
        await stream.aclose()
        assert len(ids(told)) == TOKENS


async def test_calls_wait_for_the_next_engine() -> None:
    async with supervised() as it:
        it.kill()
        await it.phase(Phase.RESTARTING)
        (prompt,) = await it.engine.render(ChatPrompt(messages=[{"role": "user", "content": "Hi"}]))
        assert await it.engine.detokenize(prompt.token_ids)


async def test_it_says_why_and_when_it_is_back() -> None:
    async with supervised() as it:
        it.kill()
        await it.phase(Phase.RESTARTING)
        await it.phase(Phase.READY)
        causes = {health.reason for health in it.heard if health.phase not in (Phase.READY, Phase.STARTING)}
        assert any(cause and "signal 9" in cause for cause in causes)
        assert it.heard[-1] == Health(Phase.READY)
        assert it.telemetry.deaths.values["died",] == 1


async def test_a_hung_engine_is_replaced() -> None:
    async with supervised(hang_seconds=1.0) as it:
        victim = asyncio.create_task(read(it, await it.ask("[[hang at 5]]")))
        neighbour = asyncio.create_task(read(it, await it.ask()))
        assert len(ids(await neighbour)) == TOKENS
        assert it.telemetry.deaths.values["hung",] >= 1
        victim.cancel()
        await asyncio.gather(victim, return_exceptions=True)


async def test_a_stopped_process_is_replaced() -> None:
    async with supervised(hang_seconds=1.0) as it:
        pid = it.engines[-1].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await it.phase(Phase.RESTARTING)
        await it.phase(Phase.READY)
        assert len(ids(await read(it, await it.ask()))) == TOKENS


async def test_what_kills_twice_is_not_tried_again_and_its_neighbours_finish() -> None:
    async with supervised() as it:
        neighbours = [asyncio.create_task(read(it, await it.ask())) for _ in range(4)]
        await asyncio.sleep(0.1)
        with pytest.raises(InternalError) as refused:
            await read(it, await it.ask("[[die at 0]]"))
        assert refused.value.code == "engine_killed_twice"
        assert [len(ids(told)) for told in await asyncio.gather(*neighbours)] == [TOKENS] * 4
        assert it.telemetry.lost.values == {("engine_killed_twice",): 1.0}


async def test_too_many_deaths_are_the_end() -> None:
    async with supervised(max_deaths=2) as it:
        stream = asyncio.create_task(read(it, await it.ask(max_tokens=400), kills=[2, 4]))
        with pytest.raises((EngineUnavailableError, InternalError)):
            await stream
        await it.phase(Phase.FAILED)
        assert "giving up" in (it.engine.health().reason or "")
        with pytest.raises(EngineUnavailableError):
            await it.engine.detokenize([1])


async def test_waiting_has_an_end() -> None:
    async with supervised({"load_seconds": 1.5}, resume_timeout_seconds=0.3) as it:
        with pytest.raises(EngineUnavailableError, match=r"not back within 0\.3 s"):
            await read(it, await it.ask(), kills=[5])


async def test_who_waits_can_leave() -> None:
    async with supervised({"load_seconds": 5.0}) as it:
        stream = it.engine.generate(await it.ask(max_tokens=400))
        it.kill()
        reading = asyncio.create_task(_drain(stream))
        await it.phase(Phase.RESTARTING)
        await stream.aclose()
        async with asyncio.timeout(1):
            await reading


async def _drain(stream: Any) -> None:
    async for _ in stream:
        pass


async def test_a_death_at_the_start_is_not_the_end() -> None:
    it = Supervised({"load_seconds": 1.0}, {})
    starting = asyncio.create_task(it.engine.start(it.heard.append))
    async with asyncio.timeout(20):
        while not it.heard:
            await asyncio.sleep(0.01)
        it.kill()
        info = await starting
    assert info.model == "sim"
    assert len(it.engines) == 2
    await it.engine.aclose()


async def test_adapters_loaded_meanwhile_are_there_again(tmp_path: Path) -> None:
    async with supervised() as it:
        await it.engine.load_adapter("late", str(tmp_path))
        it.kill()
        await it.phase(Phase.RESTARTING)
        await it.phase(Phase.READY)
        assert await it.engine.unload_adapter("late") == ()


class WithoutAdapters:
    """Like another engine, but that no adapter can be loaded."""

    def __init__(self, engine: HostedEngine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def load_adapter(self, name: str, folder: str) -> tuple[str, ...]:
        raise InvalidRequestError("The folder has gone.")


async def test_an_adapter_that_has_gone_does_not_keep_the_engine_from_coming_back(tmp_path: Path) -> None:
    settings = Settings(engine=EngineSettings(kind="simulated", model="sim"))
    first = host_engine(settings)
    engines: list[Any] = [first, WithoutAdapters(host_engine(settings))]
    engine = SupervisedEngine(lambda: engines.pop(0), settings.supervision, Telemetry())
    await engine.start(lambda health: None)
    await engine.load_adapter("gone", str(tmp_path))
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    (prompt,) = await engine.render(TextPrompts(prompts=["Hi"]))
    assert prompt.token_ids and not engines
    await engine.aclose()


async def test_a_supervision_that_fails_is_the_end() -> None:
    settings = Settings(engine=EngineSettings(kind="simulated", model="sim"))
    engines = [first := host_engine(settings)]
    engine = SupervisedEngine(engines.pop, settings.supervision, Telemetry())
    heard: asyncio.Queue[Health] = asyncio.Queue()
    await engine.start(heard.put_nowait)
    await first.kill("The engine hangs.")
    async with asyncio.timeout(10):
        while (health := await heard.get()).phase is not Phase.FAILED:
            pass
    assert "supervision" in (health.reason or "")
    with pytest.raises(EngineUnavailableError, match="supervision"):
        await engine.detokenize([1])
    await engine.aclose()
