"""`DeviceMemory`: waits until the memory that a killed engine had on its devices is free again.

A driver may return it moments after the processes have ended, and an engine that is built meanwhile finds too little.
"""

import asyncio
import importlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

logger = logging.getLogger("tidegate.engine")

ReadFreeBytes: TypeAlias = Callable[[], list[int]]
"""Free bytes of each device, in a fixed order; empty where there are none. May block."""

SLACK_BYTES: Final = 256 * 1024**2
"""What may be missing on a device: other processes come and go."""

POLL_SECONDS: Final = 0.2


class DeviceMemory:
    """Of one engine: `note` before it starts, `wait_until_free` when all its processes have ended."""

    def __init__(self, read_free_bytes: ReadFreeBytes) -> None:
        self._read = read_free_bytes
        self._before: list[int] = []

    async def note(self) -> None:
        """Remember what is free now."""
        self._before = await asyncio.to_thread(self._read)

    async def wait_until_free(
        self, timeout_seconds: float, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> bool:
        """Wait until as much is free as was noted. False, and a line in the log, if it is not in time."""
        began = time.monotonic()
        missing = await self._missing()
        for _ in range(int(timeout_seconds / POLL_SECONDS)):
            if not any(missing):
                break
            await sleep(POLL_SECONDS)
            missing = await self._missing()
        fields = {"missing_bytes": missing, "waited_seconds": round(time.monotonic() - began, 2)}
        if any(missing):
            logger.warning("device memory is not free again", extra={"fields": fields})
        elif missing:
            logger.info("device memory is free again", extra={"fields": fields})
        return not any(missing)

    async def _missing(self) -> list[int]:
        now = await asyncio.to_thread(self._read) if self._before else []
        # A device that is no longer told of cannot be waited for.
        pairs = zip(self._before, now, strict=False)
        return [0 if before - free <= SLACK_BYTES else before - free for before, free in pairs]


def read_nvml() -> list[int]:
    """Free bytes of NVIDIA's devices; none where its library is not installed or finds no driver."""
    try:
        nvml = importlib.import_module("pynvml")
    except ModuleNotFoundError:
        return []
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return []
    try:
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        return [nvml.nvmlDeviceGetMemoryInfo(handle).free for handle in handles]
    except nvml.NVMLError as error:
        logger.warning("device memory cannot be read", exc_info=error)
        return []
    finally:
        nvml.nvmlShutdown()
