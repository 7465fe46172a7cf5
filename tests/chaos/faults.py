"""The processes of a running service, and what can happen to them."""

import contextlib
import signal
from enum import StrEnum

import psutil


class Fault(StrEnum):
    """What is done to which process."""

    KILL_CORE = "kill EngineCore"
    KILL_HOST = "kill host"
    KILL_WORKER = "kill worker"
    STOP_CORE = "stop EngineCore"
    STOP_HOST = "stop host"


def strike(gateway: int, fault: Fault) -> psutil.Process:
    """Do it; the process that was struck. Raises `LookupError` while there is no such process."""
    process = victim(gateway, fault)
    process.send_signal(signal.SIGSTOP if fault in (Fault.STOP_CORE, Fault.STOP_HOST) else signal.SIGKILL)
    return process


def victim(gateway: int, fault: Fault) -> psutil.Process:
    """The process that a fault means."""
    wanted = {
        Fault.KILL_CORE: "EngineCore",
        Fault.STOP_CORE: "EngineCore",
        Fault.KILL_WORKER: "Worker",
        Fault.KILL_HOST: "service.engine.host",
        Fault.STOP_HOST: "service.engine.host",
    }[fault]
    for process in psutil.Process(gateway).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if wanted in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                return process
    raise LookupError(f"the service has no process called {wanted}")
