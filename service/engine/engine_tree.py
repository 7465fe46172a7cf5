"""`EngineTree`: an engine's host with all that it starts, the guardian beside it, and their folder.

Knows how to bring them up and how to leave nothing of them. Does not know what is said over the socket.
"""

import asyncio
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from service.engine.device_memory import DeviceMemory, ReadFreeBytes
from service.engine.process import Guardian, HostProcess
from service.engine.runtime_directory import RuntimeDirectory, clear_abandoned
from service.errors import EngineUnavailableError

logger = logging.getLogger("tidegate.engine")

KILL_TIMEOUT_SECONDS: Final = 10.0
"""How long processes may take to end after SIGKILL: those that hold much memory of a GPU need some seconds."""

MEMORY_TIMEOUT_SECONDS: Final = 20.0
"""How long the next engine waits for the devices' memory; then it tries with what there is."""


class EngineTree:
    """One engine's. Create, spawn, and in the end, whatever happened: `remove`."""

    def __init__(self, directory: RuntimeDirectory, memory: DeviceMemory) -> None:
        self.directory = directory
        self._memory = memory
        self.host: HostProcess | None = None
        self._guardian: Guardian | None = None
        self._removing: asyncio.Task[None] | None = None

    @classmethod
    async def create(cls, read_free_bytes: ReadFreeBytes) -> "EngineTree":
        """The folder, after those of owners that no longer live have been cleared."""
        root = Path(tempfile.gettempdir())
        await asyncio.to_thread(_clear_abandoned, root)
        memory = DeviceMemory(read_free_bytes)
        await memory.note()
        return cls(RuntimeDirectory.create(root), memory)

    async def spawn(self, start_message: bytes, on_line: Callable[[str], None]) -> HostProcess:
        """Start the guardian, then the host. `on_line` hears what the host's processes print.

        Raises `EngineUnavailableError` if it was removed meanwhile.
        """
        self._guardian = await Guardian.spawn(self.directory.path)
        self.host = await HostProcess.spawn(start_message, on_line, self.directory.environment)
        if self._removing is not None:
            await self._remove(for_another=False)
            raise EngineUnavailableError("The engine was stopped before it had started.")
        return self.host

    async def note(self) -> None:
        """Write down what the engine has in shared memory, for whoever removes it."""
        await asyncio.to_thread(self.directory.note_segments)

    async def remove(self, *, for_another: bool = False) -> None:
        """Kill whatever still lives and remove what it has left. Idempotent; returns when it is done.

        Done `for_another` engine, it includes the return of the devices' memory.
        """
        if self._removing is None:
            self._removing = asyncio.create_task(self._remove(for_another=for_another))
        # Who gives up waiting must not leave half of it lying about.
        await asyncio.shield(self._removing)

    async def _remove(self, *, for_another: bool) -> None:
        survivors = await asyncio.to_thread(self.directory.clear, KILL_TIMEOUT_SECONDS)
        if survivors:
            logger.error("processes of the engine outlive SIGKILL", extra={"fields": {"pids": survivors}})
        if self.host is not None:
            await self.host.kill()
        if self._guardian is not None:
            await self._guardian.dismiss()
        if for_another:
            await self._memory.wait_until_free(MEMORY_TIMEOUT_SECONDS)


def _clear_abandoned(root: Path) -> None:
    for path, survivors in clear_abandoned(root, KILL_TIMEOUT_SECONDS):
        fields = {"folder": str(path), "living_pids": survivors}
        logger.warning("removed what an engine of an ended process had left", extra={"fields": fields})
