"""`RuntimeDirectory`: the private folder of one engine, which holds or names all that the engine may leave behind.

Its sockets and temporary files are in it, its segments of shared memory are listed in it, and its processes carry its
path in their environment. Whoever has it can therefore be rid of the engine, even long after the engine's owner:
a lock on the file `owner` ends with the process that owns the folder, however that ends, and whatever becomes of its
id. Imports nothing but the standard library, for the guardian starts with it.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from service.engine.process_tree import kill_marked, marked
from service.engine.shared_memory import mapped_segments, unlink_segments

PREFIX: Final = "tidegate-"

MARK: Final = "RUNTIME_DIRECTORY_OF_TIDEGATE"
"""The variable that an engine's processes are known by."""


class RuntimeDirectory:
    """Whoever creates one owns it. Made for `path` alone, it is somebody else's, and may be taken over."""

    def __init__(self, path: Path, lock: int | None = None) -> None:
        self.path = path
        self._mark = f"{MARK}={path}"
        self._lock = lock
        self._turn = threading.Lock()
        self._segments: set[str] = set()

    @classmethod
    def create(cls, root: Path) -> Self:
        """A new one below `root`, owned by this process."""
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
        lock = os.open(path / "owner.new", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(lock, f"{os.getpid()}\n".encode())
        # Only now can anybody find it, and it is never seen without its lock.
        os.rename(path / "owner.new", path / "owner")
        return cls(path, lock)

    @property
    def environment(self) -> dict[str, str]:
        """What the engine's first process must be started with."""
        return {MARK: str(self.path), "TMPDIR": str(self.path)}

    def take_over(self, *, wait: bool) -> bool:
        """Own what another process has owned. False if that one lives, unless we wait for it, or has left nothing."""
        try:
            status = self.path.lstat()
            if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
                return False
            lock = os.open(self.path / "owner", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(lock)
            return False
        if os.fstat(lock).st_nlink == 0:  # cleared while we waited
            os.close(lock)
            return False
        self._lock = lock
        return True

    def note_segments(self) -> None:
        """Write down what shared memory the engine's processes have, while they live. For the owner."""
        with self._turn:
            if self._lock is not None:
                self._segments |= mapped_segments(marked(self._mark))
                new = self.path / "segments.new"
                new.write_text("\n".join(sorted(self._segments)), encoding="utf-8")
                new.rename(self.path / "segments")

    def clear(self, timeout_seconds: float) -> list[int]:
        """Kill the engine's processes, remove its shared memory, its files and this folder. For the owner; idempotent.

        Processes that outlive SIGKILL for so long are returned, and all else left for the next who comes.
        """
        with self._turn:
            if self._lock is None:
                return []
            segments = self._segments | self._noted_segments() | mapped_segments(marked(self._mark))
            if survivors := kill_marked(self._mark, timeout_seconds):
                return survivors
            unlink_segments(segments)
            shutil.rmtree(self.path)
            self._release()
            return []

    def _noted_segments(self) -> set[str]:
        try:
            return set((self.path / "segments").read_text(encoding="utf-8").splitlines())
        except FileNotFoundError:
            return set()

    def release(self) -> None:
        """Own it no longer: whoever comes next may take it over. Idempotent."""
        with self._turn:
            self._release()

    def _release(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def abandoned(root: Path) -> Iterator[RuntimeDirectory]:
    """The folders of this user below `root` whose owners no longer live, each taken over."""
    for path in sorted(root.glob(f"{PREFIX}*")):
        directory = RuntimeDirectory(path)
        if directory.take_over(wait=False):
            yield directory
