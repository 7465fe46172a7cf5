"""Shared memory that a killed engine leaves in /dev/shm, for nobody else knows the names.

Imports nothing but the standard library, for the guardian starts with it.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

FOLDER: Final = Path("/dev/shm")  # noqa: S108 (not for our files)

OURS: Final = ("psm_", "sem.mp-", "torch_", "vllm_", "nccl-")
"""What Python, PyTorch, vLLM and NCCL call theirs. Drivers have segments there too, and share them among processes."""


def mapped_segments(pids: Iterable[int]) -> set[str]:
    """Names of the segments that the processes have mapped."""
    mapped = {inode for pid in pids for inode in _mapped_inodes(pid)}
    # Where there is no shared memory there is nothing to remove, but there are processes to kill all the same.
    with contextlib.suppress(FileNotFoundError), os.scandir(FOLDER) as entries:
        return {entry.name for entry in entries if entry.name.startswith(OURS) and entry.inode() in mapped}
    return set()


def _mapped_inodes(pid: int) -> Iterator[int]:
    """Not names: the C library makes a semaphore under another name than it is then given."""
    with contextlib.suppress(OSError):  # it has ended
        for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines():
            if f" {FOLDER}/" in line:
                # Address, permissions, offset, device, inode, path (proc_pid_maps(5)).
                yield int(line.split(maxsplit=5)[4])


def unlink_segments(names: Iterable[str]) -> None:
    """Remove those that are still there and belong to this user."""
    for name in names:
        path = FOLDER / name
        with contextlib.suppress(FileNotFoundError):
            if path.lstat().st_uid == os.geteuid():
                path.unlink()
