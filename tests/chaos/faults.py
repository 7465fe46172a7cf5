"""The processes of a running service, and what can happen to them."""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import psutil

PATIENCE_SECONDS: Final = 120.0
SCARCE_SECONDS: Final = 10.0
"""How long there is no shared memory."""


class Fault(StrEnum):
    """What is done to which process."""

    KILL_CORE = "kill EngineCore"
    KILL_HOST = "kill host"
    KILL_WORKER = "kill worker"
    STOP_CORE = "stop EngineCore"
    STOP_HOST = "stop host"
    KILL_TWICE = "kill host, and the next one while it starts"
    KILL_RESUMED = "kill EngineCore, and the next one as soon as it is ready"
    NO_MEMORY = "kill EngineCore while /dev/shm is full"

    @property
    def may_end_streams(self) -> bool:
        """Streams may end with an error event: they were in flight at two deaths."""
        return self is Fault.KILL_RESUMED


PROCESSES: Final = {
    Fault.KILL_WORKER: "Worker",
    Fault.KILL_HOST: "service.engine.host",
    Fault.STOP_HOST: "service.engine.host",
    Fault.KILL_TWICE: "service.engine.host",
}
"""Part of the command line of the process that is meant; of EngineCore's for all others."""


async def strike(gateway: int, fault: Fault) -> None:
    """Do it."""
    match fault:
        case Fault.STOP_CORE | Fault.STOP_HOST:
            victim(gateway, fault).send_signal(signal.SIGSTOP)
        case Fault.KILL_TWICE | Fault.KILL_RESUMED:
            first = victim(gateway, fault)
            first.kill()
            (await _next(gateway, fault, first.pid)).kill()
        case Fault.NO_MEMORY:
            with no_shared_memory():
                victim(gateway, fault).kill()
                await asyncio.sleep(SCARCE_SECONDS)
        case _:
            victim(gateway, fault).kill()


def victim(gateway: int, fault: Fault) -> psutil.Process:
    """The process that a fault means. Raises `LookupError` while there is none."""
    wanted = PROCESSES.get(fault, "EngineCore")
    for process in psutil.Process(gateway).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if wanted in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                return process
    raise LookupError(f"the service has no process called {wanted}")


async def _next(gateway: int, fault: Fault, gone: int) -> psutil.Process:
    """The one that takes the place of the one that is gone."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(LookupError):
                if (found := victim(gateway, fault)).pid != gone:
                    return found
            await asyncio.sleep(0.05)


@contextlib.contextmanager
def no_shared_memory() -> Iterator[None]:
    """No room in /dev/shm for anything new. Needs root."""
    size = psutil.disk_usage("/dev/shm").total
    _resize("4k")
    try:
        yield
    finally:
        _resize(str(size))


def _resize(size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", "/dev/shm"], check=True)
