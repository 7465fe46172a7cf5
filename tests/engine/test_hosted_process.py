"""The engine's process: gone with the gateway, gone when it is closed, noticed when it dies."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from service.engine.base import EmbeddingRequest, GenerationRequest, Health, Phase, Prompt, Sampling
from service.engine.client import HostedEngine
from service.engine.encoded_stream import MAX_WAITING_BYTES
from service.engine.hosted import host_engine
from service.errors import EngineUnavailableError, SlowReaderError
from service.settings import EngineSettings, Settings, SimulationSettings
from tests.engine.contract import running, settles_at_zero

SETTINGS = Settings(
    engine=EngineSettings(kind="simulated", model="sim"), simulation=SimulationSettings(itl_seconds=0.002)
)


async def started() -> tuple[HostedEngine, list[Health]]:
    """A hosted engine, and what it reports."""
    reports: list[Health] = []
    engine = host_engine(SETTINGS)
    await engine.start(reports.append)
    return engine, reports


async def test_closing_leaves_neither_process_nor_folder() -> None:
    engine, _ = await started()
    process, folder = psutil.Process(engine.pid), engine.directory
    assert folder is not None and folder.is_dir()
    await engine.aclose()
    await engine.aclose()
    assert not process.is_running()
    assert not folder.exists()


async def test_a_killed_host_fails_its_streams_and_is_reported() -> None:
    engine, reports = await started()
    sampling = Sampling(max_tokens=9999, ignore_eos=True)
    request = GenerationRequest(id="a", prompt=Prompt(token_ids=[1]), sampling=sampling)
    stream = engine.generate(request)
    await anext(stream)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    async with asyncio.timeout(1):
        with pytest.raises(EngineUnavailableError, match="killed by signal 9"):
            _ = [deltas async for deltas in stream]
    assert reports[-1].phase is Phase.FAILED
    with pytest.raises(EngineUnavailableError):
        await anext(engine.generate(request))
    await engine.aclose()


async def test_a_call_that_is_given_up_is_given_up_in_the_host_too() -> None:
    embedder = EngineSettings(kind="simulated", extra={"runner": "pooling"})
    engine = host_engine(Settings(engine=embedder, simulation=SimulationSettings(ttft_seconds=60)))
    await engine.start(lambda health: None)
    asking = asyncio.create_task(engine.embed(EmbeddingRequest(id="a", prompt=Prompt(token_ids=[1]))))
    while not await running(engine):
        await asyncio.sleep(0.01)
    asking.cancel()
    await settles_at_zero(engine)
    await engine.aclose()


def test_the_host_dies_with_a_gateway_that_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    script = (
        "import asyncio, pathlib\n"
        "from tests.engine.test_hosted_process import started\n"
        "async def main():\n"
        "    engine, _ = await started()\n"
        f"    pathlib.Path({str(told)!r}).write_text(str(engine.pid))\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    gateway = subprocess.Popen([sys.executable, "-c", script])
    while not (told.exists() and told.read_text()):
        assert gateway.poll() is None
    host = psutil.Process(int(told.read_text()))
    gateway.kill()
    gateway.wait()
    _, alive = psutil.wait_procs([host], timeout=5)
    assert alive == []


async def test_a_stream_that_nobody_reads_is_bounded_aborted_and_holds_no_other() -> None:
    instant = SETTINGS.model_copy(update={"simulation": SimulationSettings()})
    engine = host_engine(instant)
    await engine.start(lambda health: None)
    sampling = Sampling(max_tokens=100_000, ignore_eos=True, n=32, logprobs=20)
    unread = engine.generate(GenerationRequest(id="a", prompt=Prompt(token_ids=[1]), sampling=sampling))
    short = Sampling(max_tokens=50, ignore_eos=True)
    while not unread.finished:
        request = GenerationRequest(id="b", prompt=Prompt(token_ids=[1]), sampling=short)
        assert sum([len(deltas) async for deltas in engine.generate(request)]) == 50
    assert unread.waiting_bytes < MAX_WAITING_BYTES + 4 * 1024**2
    await settles_at_zero(engine)
    with pytest.raises(SlowReaderError):
        _ = [deltas async for deltas in unread]
    await engine.aclose()
