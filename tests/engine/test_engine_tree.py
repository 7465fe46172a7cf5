"""What keeps an engine's processes from starting or from ending is told, and holds nobody up."""

import asyncio
import os
import resource
import signal

import pytest

from service.engine.engine_tree import EngineTree
from service.engine.process import HostProcess
from service.errors import EngineUnavailableError


async def test_an_engine_that_cannot_be_started_is_no_error_of_ours() -> None:
    tree = await EngineTree.create(list)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
        with pytest.raises(EngineUnavailableError, match="could not be started"):
            await tree.spawn(b"{}", lambda line: None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    await tree.remove()
    assert not tree.directory.path.exists()


async def test_whoever_holds_a_killed_hosts_output_open_holds_nobody_up() -> None:
    script = "setsid sleep 60 & echo $!; exec sleep 60"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("sh", "-c", script, stdout=pipe, start_new_session=True)
    said: asyncio.Queue[str] = asyncio.Queue()
    host = HostProcess(process, said.put_nowait)
    holder = int(await said.get())
    async with asyncio.timeout(5):
        await host.kill(0.05)
    assert await host.wait() == -signal.SIGKILL
    os.kill(holder, signal.SIGKILL)
