"""Stands for a gateway with an engine: `python -m tests.engine.engine_owner ROOT [--guardian]`.

Its engine is a process that has a segment of shared memory, a semaphore and a child in a session of its own. Prints the
engine's folder, the names of those two and its two process ids in one line, then lives until it is killed.
"""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from service.engine.process import Guardian
from service.engine.runtime_directory import RuntimeDirectory, abandoned

ENGINE = """
import os, subprocess, time
from multiprocessing import get_context, resource_tracker, shared_memory
segment = shared_memory.SharedMemory(create=True, size=16)
semaphore = get_context("spawn").Semaphore()
child = subprocess.Popen(["sleep", "300"], start_new_session=True)
resource_tracker.unregister(segment._name, "shared_memory")
resource_tracker.unregister(semaphore._semlock.name, "semaphore")
print(segment.name, "sem." + semaphore._semlock.name[1:], os.getpid(), child.pid, flush=True)
time.sleep(300)
"""


@dataclass
class EngineOwner:
    """A running one, and what belongs to its engine."""

    process: "subprocess.Popen[str]"
    folder: Path
    memory: tuple[Path, Path]
    pids: tuple[int, int]

    @classmethod
    def start(cls, root: Path, *arguments: str) -> Self:
        command = [sys.executable, "-m", "tests.engine.engine_owner", str(root), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        folder, segment, semaphore, engine, child = process.stdout.readline().split()
        memory = (Path("/dev/shm", segment), Path("/dev/shm", semaphore))
        return cls(process, Path(folder), memory, (int(engine), int(child)))

    def kill(self) -> None:
        """SIGKILL to the owner alone."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def leftovers(self) -> list[object]:
        """What there still is of the engine."""
        living = [pid for pid in self.pids if _lives(pid)]
        return [*living, *(path for path in (self.folder, *self.memory) if path.exists())]


def clear_abandoned(root: Path) -> list[Path]:
    """Clear the folders below `root` whose owners no longer live, as a start does."""
    cleared = []
    for directory in abandoned(root):
        assert directory.clear(5) == []
        cleared.append(directory.path)
    return cleared


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


async def main() -> None:
    directory = RuntimeDirectory.create(Path(sys.argv[1]))
    if "--guardian" in sys.argv:
        guardian = await Guardian.spawn(directory.path)
    environment = {**os.environ, **directory.environment}
    engine = subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE, text=True, env=environment)
    assert engine.stdout is not None
    told = engine.stdout.readline()
    directory.note_segments()
    print(directory.path, told, flush=True)
    await asyncio.sleep(300)
    del guardian


if __name__ == "__main__":
    asyncio.run(main())
