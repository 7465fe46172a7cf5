"""A folder that is there whole or not at all, whoever is killed at whatever moment, and built by one process only."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def build_once(target: Path, build: Callable[[Path], None]) -> None:
    """Let `build` fill an empty folder and rename it to `target`; do nothing if `target` is there already.

    A second caller, in this process or another, waits for the first. What a killed build has left is removed by the
    next one. Raises whatever `build` raises, with nothing left behind, and `OSError`.
    """
    if target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # The lock ends with its holder, so that one who was killed keeps nobody waiting. Its file stays: to remove it
    # would let two processes hold locks on two files of the same name.
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.is_dir():
            return
        unfinished = target.with_name(f"{target.name}.unfinished")
        if unfinished.exists():  # its maker has died: the lock is ours
            shutil.rmtree(unfinished)
        unfinished.mkdir()
        try:
            build(unfinished)
            _write_through(unfinished)
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        _sync(target.parent)


def _write_through(folder: Path) -> None:
    """Everything on disk before the rename, or a power cut could leave a whole folder of empty files."""
    for file in folder.iterdir():
        # Some libraries create files that only their owner may read.
        file.chmod(0o644)
        _sync(file)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
