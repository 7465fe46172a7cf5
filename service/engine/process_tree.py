"""All processes that descend from one start, found by a mark in their environment.

Children inherit the mark, and keep it whatever becomes of their parents, process groups and sessions, so none can
slip away by being orphaned or by leaving the group. Knows only Linux's /proc; imports the standard library and what
imports no more than that, for the guardian starts with it.
"""

import contextlib
import os
import select
import signal
import time
from pathlib import Path
from typing import Final

from service.engine.process_stat import fields_behind_the_name

KILL_AGAIN_SECONDS: Final = 0.5
"""How long those killed are waited for before it is looked whether they left children behind."""


def marked(mark: str) -> list[int]:
    """Process ids of all that have `mark` (NAME=value) in the environment that they were started with."""
    entry = mark.encode()
    return [int(name) for name in os.listdir("/proc") if name.isdecimal() and _has(name, entry)]


def _has(pid: int | str, entry: bytes) -> bool:
    # Other users' processes cannot be read, and those that have just ended are gone: neither is ours to kill.
    with contextlib.suppress(OSError):
        return entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def kill_marked(mark: str, timeout_seconds: float) -> list[int]:
    """SIGKILL all of them, stopped ones too, and wait for their ends; the ids of those that live on after the time.

    A process that is being ended still holds its memory, a GPU's included: what has returned from here holds none.
    """
    deadline = time.monotonic() + timeout_seconds
    dying: dict[int, int] = {}
    try:
        while True:
            fresh = [pid for pid in marked(mark) if pid not in dying]
            for pid in fresh:
                with contextlib.suppress(ProcessLookupError):
                    dying[pid] = os.pidfd_open(pid)
            for pid in fresh:
                # The id may have passed to another process before it was held; held, it can no longer.
                if pid in dying and _has(pid, mark.encode()):
                    signal.pidfd_send_signal(dying[pid], signal.SIGKILL)
            _await_ends(dying, min(KILL_AGAIN_SECONDS, max(deadline - time.monotonic(), 0)))
            living = [pid for pid, descriptor in dying.items() if not _has_ended(descriptor)]
            if time.monotonic() >= deadline or not (living or marked(mark)):
                return living
    finally:
        for descriptor in dying.values():
            os.close(descriptor)


def _await_ends(dying: dict[int, int], timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    for descriptor in dying.values():
        _has_ended(descriptor, max(deadline - time.monotonic(), 0))


def _has_ended(descriptor: int, timeout_seconds: float = 0) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout_seconds * 1000))


def reap_orphans(session: int) -> None:
    """Let a session's ended processes go whose parents have ended before them and have left them to us.

    That is so where this process is the first of its container. The session's leader is left to whoever started it.
    """
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != session and _is_orphan(int(name), session):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(int(name), os.WNOHANG)


def _is_orphan(pid: int, session: int) -> bool:
    found = fields_behind_the_name(pid)
    if found is None:
        return False
    state, parent, _, of = found[:4]
    return state == "Z" and int(parent) == os.getpid() and int(of) == session
