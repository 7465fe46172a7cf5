"""An engine host as a child process, its death pipe and what it prints; and the guardian beside it.

Knows how to start them and how to hear of their ends. Does not know what is said over the socket, nor how to be rid
of what the host has started (`runtime_directory.py`).
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self

KEPT_LINES: Final = 40
"""Last lines of output that are kept to explain a failure."""

_LINE_END = re.compile(rb"[\r\n]+")


class HostProcess:
    """A running engine host, leader of a session and process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> None:
        self._process = process
        self._on_line = on_line
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._reader = asyncio.create_task(self._read_output())

    @classmethod
    async def spawn(cls, start_message: bytes, on_line: Callable[[str], None], environment: Mapping[str, str]) -> Self:
        """Start `python -m service.engine.host` with an addition to our environment, and hand it its start message.

        Its standard input is the death pipe: it stays open until this process ends, in whatever way.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service.engine.host",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        assert process.stdin is not None
        process.stdin.write(start_message + b"\n")
        await process.stdin.drain()
        return cls(process, on_line)

    @property
    def pid(self) -> int:
        """Process id, which is also the id of the process group."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait until the host itself has ended; negative for the signal that ended it."""
        return await self._process.wait()

    async def stopped(self, timeout_seconds: float) -> None:
        """Wait for the end of a host that was told to stop, but not for longer than that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._process.wait()

    async def kill(self, timeout_seconds: float) -> None:
        """SIGKILL to its group while it lives, and wait for its end, but not for longer than that. Idempotent.

        A process that the kernel does not let go, as a GPU's driver may have it, keeps its output open, too.
        """
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._process.wait()
                await self._reader

    async def _read_output(self) -> None:
        """Pass on each line; progress bars end theirs with a carriage return."""
        assert self._process.stdout is not None
        rest = b""
        while chunk := await self._process.stdout.read(65536):
            *lines, rest = _LINE_END.split(rest + chunk)
            for line in lines:
                self._take(line)
        self._take(rest)

    def _take(self, line: bytes) -> None:
        if text := line.decode("utf-8", "replace").strip():
            self.last_lines.append(text)
            self._on_line(text)


class Guardian:
    """A process that clears an engine's folder should this one end without having done it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def spawn(cls, folder: Path) -> Self:
        """Start `python -m service.engine.guardian`. Its standard input stays open until this process ends."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service.engine.guardian",
            str(folder),
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process)

    async def dismiss(self, timeout_seconds: float) -> None:
        """Let it go. It ends at once if the folder is cleared, and is not waited for if it still has work to do."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._process.wait()
