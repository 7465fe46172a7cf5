"""`ProcessWatch`: hears of the end of processes that are not necessarily children, within a turn of the event loop.

Does not know what the processes are for.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
from collections.abc import Callable, Mapping
from typing import Final

from service.engine.process_stat import fields_behind_the_name

EXIT_CODE_FIELD: Final = 52
"""Of /proc/PID/stat (proc_pid_stat(5)): a wait status, readable from the end of a process until it is reaped."""

PIDFD_GET_INFO: Final = 0xC040FF0B
PIDFD_INFO_EXIT: Final = 1 << 3
"""From Linux 6.15 on (linux/pidfd.h) a pidfd tells the wait status after the reaping, in the last of its 64 bytes."""


class ProcessWatch:
    """Watches processes by their names. `on_end` is called once, for the first that ends, with a sentence about it."""

    def __init__(self, names: Mapping[int, str], on_end: Callable[[str], None]) -> None:
        self._on_end = on_end
        self._descriptors: list[int] = []
        loop = asyncio.get_running_loop()
        for pid, name in names.items():
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                loop.call_soon(self._tell, f"{name} ended.")
                continue
            self._descriptors.append(descriptor)
            loop.add_reader(descriptor, self._ended, name, pid, descriptor)

    def _ended(self, name: str, pid: int, descriptor: int) -> None:
        self._tell(f"{name} {how_it_ended(pid, descriptor)}.")

    def _tell(self, what: str) -> None:
        on_end, self._on_end = self._on_end, lambda what: None
        self.close()
        on_end(what)

    def close(self) -> None:
        """Watch no longer. Idempotent."""
        self._on_end = lambda what: None
        loop = asyncio.get_running_loop()
        while self._descriptors:
            descriptor = self._descriptors.pop()
            loop.remove_reader(descriptor)
            os.close(descriptor)


def how_it_ended(pid: int, descriptor: int) -> str:
    """Such as "was killed by signal 9 (SIGKILL)"; less where its parent has been told already and the kernel is old."""
    status = _status_of_zombie(pid)
    if status is None:
        status = _status_of_reaped(descriptor)
    if status is None:
        return "ended"
    code = os.waitstatus_to_exitcode(status)
    return killed_by(-code) if code < 0 else f"ended with exit code {code}"


def killed_by(number: int) -> str:
    """A signal in words."""
    name = ""
    with contextlib.suppress(ValueError):
        name = f" ({signal.Signals(number).name})"
    return f"was killed by signal {number}{name}"


def _status_of_zombie(pid: int) -> int | None:
    found = fields_behind_the_name(pid)
    if found is None:
        return None
    state, *fields = found
    return int(fields[EXIT_CODE_FIELD - 4]) if state in "ZX" else None


def _status_of_reaped(descriptor: int) -> int | None:
    info = bytearray(struct.pack("=Q56x", PIDFD_INFO_EXIT))
    try:
        fcntl.ioctl(descriptor, PIDFD_GET_INFO, info)
    except OSError:
        return None
    mask, status = struct.unpack("=Q52xi", info)
    return status if mask & PIDFD_INFO_EXIT else None
