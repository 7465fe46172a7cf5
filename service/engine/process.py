"""An engine host as a child process: its process group, its death pipe and what it prints.

Knows how to start it, how to hear of its end, and how to be rid of it and of all that it started. Does not know what
is said over the socket.
"""

import asyncio
import os
import re
import signal
import sys
from collections import deque
from collections.abc import Callable
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
    async def spawn(cls, start_message: bytes, on_line: Callable[[str], None]) -> Self:
        """Start `python -m service.engine.host` and hand it its start message.

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

    async def stop(self, timeout_seconds: float) -> None:
        """Wait for a host that was told to stop, then kill whatever is left of its group. Idempotent."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            self.kill_group()
            await self._process.wait()
        await self._reader

    def kill_group(self) -> None:
        """SIGKILL to the host, the engine core and its workers, whoever of them still lives."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

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
