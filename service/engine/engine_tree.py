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
from service.engine.process_tree import reap_orphans
from service.engine.runtime_directory import RuntimeDirectory, abandoned
from service.errors import EngineUnavailableError

logger = logging.getLogger("tidegate.engine")

KILL_TIMEOUT_SECONDS: Final = 10.0
"""How long processes may take to end after SIGKILL: those that hold much memory of a GPU need some seconds."""

GUARDIAN_SECONDS: Final = 5.0
"""How long the guardian may take to end when it has nothing to do."""

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
        """The folder, after those of owners that no longer live have been cleared.

        Raises `EngineUnavailableError` where there is no room for it.
        """
        root = Path(tempfile.gettempdir())
        await asyncio.to_thread(_clear_abandoned, root)
        memory = DeviceMemory(read_free_bytes)
        await memory.note()
        try:
            return cls(RuntimeDirectory.create(root), memory)
        except OSError as error:
            raise EngineUnavailableError(f"The engine's folder could not be made: {error}.") from error

    async def spawn(self, start_message: bytes, on_line: Callable[[str], None]) -> HostProcess:
        """Start the guardian, then the host. `on_line` hears what the host's processes print.

        Raises `EngineUnavailableError` if they cannot be started, or if it was removed meanwhile.
        """
        try:
            self._guardian = await Guardian.spawn(self.directory.path)
            self.host = await HostProcess.spawn(start_message, on_line, self.directory.environment)
        except OSError as error:  # no memory, descriptors or process ids are left
            raise EngineUnavailableError(f"The engine's process could not be started: {error}.") from error
        if self._removing is not None:
            await self._remove(for_another=False)
            raise EngineUnavailableError("The engine was stopped before it had started.")
        return self.host

    async def note(self) -> None:
        """Write down what the engine has in shared memory, for whoever removes it."""
        try:
            await asyncio.to_thread(self.directory.note_segments)
        except OSError as error:  # a full disk; without the list, only a power cut leaves something
            logger.warning("the engine's shared memory could not be noted", exc_info=error)

    async def remove(self, *, for_another: bool = False) -> None:
        """Kill whatever still lives and remove what it has left. Idempotent; returns when it is done.

        Done `for_another` engine, it includes the return of the devices' memory.
        """
        if self._removing is None:
            self._removing = asyncio.create_task(self._remove(for_another=for_another))
        # Who gives up waiting must not leave half of it lying about.
        await asyncio.shield(self._removing)

    async def _remove(self, *, for_another: bool) -> None:
        await asyncio.to_thread(_clear, self.directory)
        if self.host is not None:
            await self.host.kill(KILL_TIMEOUT_SECONDS)
            await asyncio.to_thread(reap_orphans, self.host.pid)
        if self._guardian is not None:
            await self._guardian.dismiss(GUARDIAN_SECONDS)
        if for_another:
            await self._memory.wait_until_free(MEMORY_TIMEOUT_SECONDS)


def _clear_abandoned(root: Path) -> None:
    for directory in abandoned(root):
        logger.warning("an ended process had left an engine", extra={"fields": {"folder": str(directory.path)}})
        _clear(directory)


def _clear(directory: RuntimeDirectory) -> None:
    """What cannot be removed now is left to the guardian, and then to the next start."""
    fields: dict[str, object] = {"folder": str(directory.path)}
    try:
        if survivors := directory.clear(KILL_TIMEOUT_SECONDS):
            logger.error("processes of an engine outlive SIGKILL", extra={"fields": {**fields, "pids": survivors}})
    except OSError as error:
        logger.error("what an engine has left cannot be removed", extra={"fields": fields}, exc_info=error)
    finally:
        directory.release()
