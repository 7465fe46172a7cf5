"""Death of a part of vLLM: noticed at once, named, and nothing is left of the rest."""

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from service.engine.base import DeltaStream, Health, Phase
from service.engine.client import HostedEngine
from service.engine.deltas import Delta
from service.engine.hosted import host_engine
from service.engine.prompts import Prompt
from service.engine.requests import GenerationRequest, Sampling
from service.engine.shared_memory import mapped_segments
from service.errors import EngineDiedError
from service.settings import EngineSettings, Settings
from tests.engine import vllm_faults
from tests.engine.test_hosted_process import lives

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

SMALL = {"max_model_len": 512, "kv_cache_memory_bytes": 2**28}


def whole_tree(engine: HostedEngine) -> list[psutil.Process]:
    """The host and all that descends from it."""
    host = psutil.Process(engine.pid)
    return [host, *host.children(recursive=True)]


def part(engine: HostedEngine, title: str) -> psutil.Process:
    """The process of the engine that calls itself so."""
    return next(
        process
        for process in psutil.Process(engine.pid).children(recursive=True)
        if title in "".join(process.cmdline())
    )


def endless(token: int) -> GenerationRequest:
    """A request for more than there is time for."""
    sampling = Sampling(max_tokens=400, ignore_eos=True)
    return GenerationRequest(id=f"request-{token}", prompt=Prompt(token_ids=[token] * 8), sampling=sampling)


async def deltas_and_death(stream: DeltaStream) -> tuple[list[Delta], EngineDiedError]:
    """All that a stream says before the engine dies."""
    deltas: list[Delta] = []
    try:
        async for ready in stream:
            deltas.extend(ready)
    except EngineDiedError as error:
        return deltas, error
    raise AssertionError(f"it ended with {deltas[-1].finish_reason}")


async def seconds_until_death(engine: HostedEngine, victim: str) -> tuple[float, EngineDiedError]:
    """Kill a part of an engine that generates; how long until the stream hears of it, and what."""
    stream = engine.generate(endless(9))
    await anext(stream)
    os.kill(part(engine, victim).pid, signal.SIGKILL)
    killed = time.monotonic()
    _, error = await deltas_and_death(stream)
    return time.monotonic() - killed, error


def held() -> dict[str, int]:
    """What this process holds, and what lies where its engines put their files."""
    this = psutil.Process()
    return {
        "descriptors": this.num_fds(),
        "threads": sum(
            not thread.name.startswith(("asyncio_", "asyncio-waitpid-")) for thread in threading.enumerate()
        ),
        "children": len(this.children(recursive=True)),
        "megabytes": this.memory_info().rss // 2**20,
    }


async def test_a_killed_worker_is_named_and_nothing_is_left_of_the_others() -> None:
    reports: list[Health] = []
    engine = host_engine(Settings(engine=EngineSettings(**SMALL, tensor_parallel_size=3)))
    try:
        await engine.start(reports.append)
        tree = whole_tree(engine)
        segments = mapped_segments(process.pid for process in tree)
        assert segments and segments <= set(os.listdir("/dev/shm"))
        seconds, error = await seconds_until_death(engine, "VLLM::Worker_TP1")
        print(f"Worker_TP1 killed: told after {seconds * 1000:.0f} ms")
        assert "Worker_TP1 was killed by signal 9 (SIGKILL)" in error.message
        # Two cores and three workers that wait for one another by spinning.
        assert seconds < 5 and reports[-1].phase is Phase.FAILED
    finally:
        await engine.aclose()
    assert engine.directory is not None and not engine.directory.exists()
    assert not any(map(lives, tree)) and not segments & set(os.listdir("/dev/shm"))


async def test_a_poison_prompt_ends_the_engine_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vllm_faults.environment(tmp_path, token=4242, written=3).items():
        monkeypatch.setenv(name, value)
    engine = host_engine(Settings(engine=EngineSettings(**SMALL)))
    try:
        await engine.start(lambda health: None)
        healthy, poison = engine.generate(endless(9)), engine.generate(endless(4242))
        neighbours = asyncio.create_task(deltas_and_death(healthy))
        deltas, error = await deltas_and_death(poison)
        assert f"EngineCore ended with exit code {vllm_faults.EXIT_CODE}" in error.message
        # vLLM schedules a step ahead of what it has told.
        assert 1 <= sum(len(delta.token_ids) for delta in deltas) <= 4
        await neighbours
    finally:
        await engine.aclose()


async def test_a_killed_engine_core_is_named_and_rebuilding_leaves_nothing() -> None:
    """`TIDEGATE_REBUILDS` says how often; 20 take ten minutes."""

    async def build_and_kill() -> None:
        engine = host_engine(Settings(engine=EngineSettings(**SMALL)))
        try:
            await engine.start(lambda health: None)
            segments = mapped_segments(each.pid for each in whole_tree(engine))
            assert segments <= set(os.listdir("/dev/shm")) and segments
            seconds, error = await seconds_until_death(engine, "VLLM::EngineCore")
        finally:
            await engine.aclose()
        print(f"EngineCore killed: told after {seconds * 1000:.0f} ms; {held()}")
        assert "EngineCore was killed by signal 9 (SIGKILL)" in error.message and seconds < 2
        assert engine.directory is not None and not engine.directory.exists()
        assert not segments & set(os.listdir("/dev/shm"))

    await build_and_kill()
    before = held()
    for _ in range(int(os.environ.get("TIDEGATE_REBUILDS", "2"))):
        await build_and_kill()
        after = held()
        assert all(after[name] <= before[name] * 1.05 for name in before)
