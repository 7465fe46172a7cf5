"""Death of a part of vLLM: noticed at once, named, and nothing is left of the rest."""

import asyncio
import os
import signal
import time

import psutil
import pytest

from service.engine.base import Delta, GenerationRequest, Health, Phase, Prompt, Sampling
from service.engine.client import HostedEngine
from service.engine.hosted import host_engine
from service.errors import EngineDiedError
from service.settings import EngineSettings, Settings

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

SMALL = {"max_model_len": 512, "kv_cache_memory_bytes": 2**28}


def part(engine: HostedEngine, title: str) -> psutil.Process:
    """The process of the engine that calls itself so."""
    return next(
        process
        for process in psutil.Process(engine.pid).children(recursive=True)
        if title in "".join(process.cmdline())
    )


async def seconds_until_death(engine: HostedEngine, victim: str) -> tuple[float, EngineDiedError]:
    """Kill a part of an engine that generates; how long until the stream hears of it, and what."""
    sampling = Sampling(max_tokens=400, ignore_eos=True)
    stream = engine.generate(GenerationRequest(id="a", prompt=Prompt(token_ids=[9] * 8), sampling=sampling))
    deltas: list[Delta] = list(await anext(stream))
    os.kill(part(engine, victim).pid, signal.SIGKILL)
    killed = time.monotonic()
    try:
        async for ready in stream:
            deltas.extend(ready)
    except EngineDiedError as error:
        return time.monotonic() - killed, error
    raise AssertionError(f"it ended with {deltas[-1].finish_reason}")


@pytest.mark.parametrize(
    ("settings", "victim", "name"),
    [({}, "VLLM::EngineCore", "EngineCore"), ({"tensor_parallel_size": 3}, "VLLM::Worker_TP1", "Worker_TP1")],
)
async def test_a_killed_part_is_named_within_a_second(settings: dict[str, int], victim: str, name: str) -> None:
    reports: list[Health] = []
    engine = host_engine(Settings(engine=EngineSettings(**SMALL, **settings)))
    try:
        await engine.start(reports.append)
        tree = psutil.Process(engine.pid).children(recursive=True)
        seconds, error = await seconds_until_death(engine, victim)
        print(f"{name} killed: told after {seconds * 1000:.0f} ms")
        assert f"{name} was killed by signal 9 (SIGKILL)" in error.message and seconds < 1
        assert reports[-1].phase is Phase.FAILED
        await asyncio.to_thread(psutil.wait_procs, tree, 2)
        assert not any(process.is_running() for process in tree)
    finally:
        await engine.aclose()
