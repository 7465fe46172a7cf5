"""CPU seconds that a process and its descendants have used."""

import msgspec
import psutil


class CpuSeconds(msgspec.Struct, frozen=True):
    """User and system time. `root` is the process itself, `children` everything below it."""

    root: float
    children: float

    @property
    def total(self) -> float:
        """Both."""
        return self.root + self.children

    def since(self, earlier: "CpuSeconds") -> "CpuSeconds":
        """What was used since `earlier`."""
        return CpuSeconds(self.root - earlier.root, self.children - earlier.children)


def cpu_seconds(process: psutil.Process) -> CpuSeconds:
    """Read the clocks of a living process tree; those that have ended are not counted."""
    return CpuSeconds(_own(process), sum(_own(child) for child in process.children(recursive=True)))


def _own(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
