"""A rebuild waits for the devices' memory, but not for ever."""

import logging

import pytest

from service.engine.device_memory import DeviceMemory

GIB = 1024**3


class Devices:
    """Devices whose free memory takes the given values one after another; the last one stays."""

    def __init__(self, *free: list[int]) -> None:
        self.free = list(free)
        self.slept = 0.0

    def read(self) -> list[int]:
        return self.free.pop(0) if len(self.free) > 1 else self.free[0]

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds


async def waited(devices: Devices) -> bool:
    memory = DeviceMemory(devices.read)
    await memory.note()
    return await memory.wait_until_free(3, sleep=devices.sleep)


async def test_it_waits_until_every_device_has_its_memory_back() -> None:
    devices = Devices([80 * GIB, 80 * GIB], [2 * GIB, 80 * GIB], [80 * GIB, 3 * GIB], [80 * GIB, 80 * GIB - 1000])
    assert await waited(devices)
    assert devices.slept == pytest.approx(0.4)


async def test_memory_that_does_not_come_back_is_waited_for_in_vain_and_told(caplog: pytest.LogCaptureFixture) -> None:
    devices = Devices([80 * GIB], [2 * GIB])
    with caplog.at_level(logging.WARNING):
        assert not await waited(devices)
    assert devices.slept == pytest.approx(3.0) and "not free again" in caplog.text


async def test_without_devices_nothing_is_waited_for() -> None:
    devices = Devices([])
    assert await waited(devices)
    assert devices.slept == 0
