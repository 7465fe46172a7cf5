"""The engine's process: gone with the gateway, gone when it is closed, noticed when it dies."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from service.engine.base import Health, Phase
from service.engine.client import HostedEngine
from service.engine.encoded_stream import MAX_WAITING_BYTES
from service.engine.hosted import host_engine
from service.engine.prompts import Prompt
from service.engine.requests import EmbeddingRequest, GenerationRequest, Sampling
from service.errors import EngineDiedError, EngineUnavailableError, SlowReaderError
from service.settings import EngineSettings, Settings, SimulationSettings
from tests.engine.contract import running, settles_at_zero
from tests.engine.engine_owner import clear_abandoned

SETTINGS = Settings(
    engine=EngineSettings(kind="simulated", model="sim"), simulation=SimulationSettings(itl_seconds=0.002)
)


GATEWAY = """
import asyncio, pathlib, sys
from tests.engine.test_hosted_process import started
async def main():
    engine, _ = await started()
    told = pathlib.Path(sys.argv[1])
    told.with_suffix(".new").write_text(str(engine.directory))
    told.with_suffix(".new").rename(told)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def lives(process: psutil.Process) -> bool:
    """Whether it runs; what only waits for its parent to hear of its end does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def endless() -> GenerationRequest:
    """A request whose generation has no end."""
    sampling = Sampling(max_tokens=9999, ignore_eos=True)
    return GenerationRequest(id="a", prompt=Prompt(token_ids=[1]), sampling=sampling)


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
    stream = engine.generate(endless())
    await anext(stream)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    async with asyncio.timeout(1):
        with pytest.raises(EngineUnavailableError, match="killed by signal 9"):
            _ = [deltas async for deltas in stream]
    assert reports[-1].phase is Phase.FAILED
    with pytest.raises(EngineUnavailableError):
        await anext(engine.generate(endless()))
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


@pytest.mark.parametrize(
    ("signals", "seconds"),
    [({}, 1), ({"host": signal.SIGSTOP}, 1), ({"guardian": signal.SIGKILL}, 5)],
    ids=["as it is", "with a stopped host", "without a guardian"],
)
def test_nothing_is_left_of_a_gateway_that_is_killed(
    signals: dict[str, int], seconds: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("t")  # short, for a socket's path; of its own, for others would clear it
    told, environment = root / "told", {**os.environ, "TMPDIR": str(root)}
    with subprocess.Popen([sys.executable, "-c", GATEWAY, str(told)], env=environment) as gateway:
        while not told.exists():
            assert gateway.poll() is None
        folder = Path(told.read_text())
        tree = psutil.Process(gateway.pid).children(recursive=True)
        for part, number in signals.items():
            next(each for each in tree if f"service.engine.{part}" in each.cmdline()).send_signal(number)
        gateway.kill()
        deadline = time.monotonic() + seconds
        while any(map(lives, tree)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert len(tree) == 2
    # Without a guardian the folder waits for the next start.
    assert ("guardian" in signals) == folder.exists()
    clear_abandoned(root)
    assert not folder.exists()


async def test_a_stopped_host_that_is_given_up_is_gone_at_once_with_all_that_it_had() -> None:
    engine, _ = await started()
    process, folder = psutil.Process(engine.pid), engine.directory
    stream = engine.generate(endless())
    await anext(stream)
    process.suspend()
    async with asyncio.timeout(2):
        await engine.kill("The engine hangs.")
        with pytest.raises(EngineDiedError, match="The engine hangs"):
            _ = [deltas async for deltas in stream]
    assert folder is not None and not folder.exists() and not process.is_running()


async def test_closing_while_the_engine_loads_ends_the_start_at_once() -> None:
    engine = host_engine(SETTINGS.model_copy(update={"simulation": SimulationSettings(load_seconds=60)}))
    starting = asyncio.create_task(engine.start(lambda health: None))
    while engine.pid is None:
        await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        await engine.aclose()
        with pytest.raises(EngineUnavailableError, match="was stopped"):
            await starting


async def test_a_folder_too_deep_for_a_socket_fails_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    engine = host_engine(SETTINGS)
    with pytest.raises(EngineUnavailableError, match="socket could not be made"):
        await engine.start(lambda health: None)
    await engine.aclose()
    assert not list(deep.iterdir())


async def test_rebuilding_leaves_no_descriptor_thread_process_or_folder() -> None:
    def held() -> tuple[int, int, int]:
        this = psutil.Process()
        # The event loop's own: a pool that grows to a fixed size, and those that wait for the ends of processes.
        threads = [each for each in threading.enumerate() if not each.name.startswith(("asyncio_", "asyncio-waitpid-"))]
        return this.num_fds(), len(threads), len(this.children(recursive=True))

    async def build_and_kill() -> None:
        engine, _ = await started()
        await engine.kill("The engine hangs.")
        assert engine.directory is not None and not engine.directory.exists()

    await build_and_kill()
    before = held()
    for _ in range(4):
        await build_and_kill()
    assert held() == before


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
