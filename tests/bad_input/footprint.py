"""`Footprint`: what the processes of a service hold, to compare before and after."""

import contextlib
from dataclasses import dataclass
from typing import Self

import psutil


@dataclass(frozen=True, slots=True)
class Footprint:
    """Per process id: open file descriptors, and resident memory in MiB."""

    descriptors: dict[int, int]
    memory: dict[int, float]

    @classmethod
    def of(cls, gateway: int) -> Self:
        """Of the gateway and everything below it, but for what is there for a moment only."""
        descriptors, memory = {}, {}
        for each in (psutil.Process(gateway), *psutil.Process(gateway).children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess), each.oneshot():
                descriptors[each.pid] = each.num_fds()
                memory[each.pid] = each.memory_info().rss / 1024**2
        return cls(descriptors, memory)

    def compared(self, before: Self) -> list[str]:
        """One line per process."""
        return [
            f"process {pid}: {before.descriptors.get(pid)} -> {count} descriptors, "
            f"{before.memory.get(pid, 0):.1f} -> {self.memory[pid]:.1f} MiB"
            for pid, count in self.descriptors.items()
        ]
