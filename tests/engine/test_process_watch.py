"""The end of a process is heard of at once, and told in words."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from service.engine.process_watch import ProcessWatch

SINCE_LINUX_6_15 = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 15)


async def first_end(processes: dict[int, str]) -> "asyncio.Future[str]":
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    ProcessWatch(processes, told.set_result)
    return told


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"])


@pytest.mark.parametrize(
    ("command", "said"),
    [("kill -9 $$", "A was killed by signal 9 (SIGKILL)."), ("exit 3", "A ended with exit code 3.")],
)
async def test_the_first_to_end_is_named_with_its_signal_or_exit_code(command: str, said: str) -> None:
    with subprocess.Popen(["/bin/sh", "-c", f"read line; {command}"], stdin=subprocess.PIPE) as one, sleeper() as other:
        told = await first_end({one.pid: "A", other.pid: "B"})
        assert one.stdin is not None
        one.stdin.write(b"\n")
        one.stdin.flush()
        async with asyncio.timeout(1):
            assert await told == said
        other.kill()
        other.wait()
        await asyncio.sleep(0.01)


async def test_the_signal_is_known_even_after_the_parent_has_heard_of_it() -> None:
    with sleeper() as process:
        told = await first_end({process.pid: "A"})
        process.kill()
        process.wait()
        async with asyncio.timeout(1):
            assert (await told).startswith("A was killed by signal 9" if SINCE_LINUX_6_15 else "A ended")


async def test_one_that_had_ended_before_is_told_too() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    async with asyncio.timeout(1):
        assert await (await first_end({ended.pid: "A"})) == "A ended."


async def test_a_closed_watch_is_silent_and_holds_no_descriptor() -> None:
    with sleeper() as process:
        before = len(os.listdir("/proc/self/fd"))
        told: list[str] = []
        watch = ProcessWatch({process.pid: "A"}, told.append)
        watch.close()
        watch.close()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        await asyncio.sleep(0.01)
        assert not told and len(os.listdir("/proc/self/fd")) == before
