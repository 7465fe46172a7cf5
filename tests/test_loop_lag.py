"""The event loop's lag, measured from within."""

import asyncio
import time

from service.loop_lag import LoopLagMonitor, RecentMaximum


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


async def test_block_of_150_ms_is_noticed() -> None:
    seen: list[float] = []
    noticed = asyncio.Event()

    def observe(seconds: float) -> None:
        seen.append(seconds)
        if seconds > 0.1:
            noticed.set()

    monitor = LoopLagMonitor(observe)
    monitor.start()
    time.sleep(0.15)  # blocks the loop, which is the point
    await asyncio.wait_for(noticed.wait(), 5)
    monitor.stop()
    assert 0.1 < monitor.max_seconds < 1
    assert monitor.max_seconds == max(seen)


async def test_lag_is_what_the_clock_says_beyond_the_interval() -> None:
    clock = Clock()
    lags: asyncio.Queue[float] = asyncio.Queue()
    monitor = LoopLagMonitor(lags.put_nowait, interval=0.0, clock=clock)
    monitor.start()
    clock.now += 0.5
    assert await lags.get() == 0.5
    assert await lags.get() == 0.0
    clock.now += 0.25
    assert await lags.get() == 0.25
    monitor.stop()
    assert monitor.max_seconds == 0.5


async def test_timer_that_fires_early_is_no_lag() -> None:
    clock = Clock()
    lags: asyncio.Queue[float] = asyncio.Queue()
    monitor = LoopLagMonitor(lags.put_nowait, interval=0.001, clock=clock)
    monitor.start()
    assert await lags.get() == 0.0  # the injected clock stands still
    monitor.stop()


async def test_reset_forgets_the_worst() -> None:
    clock = Clock()
    lags: asyncio.Queue[float] = asyncio.Queue()
    monitor = LoopLagMonitor(lags.put_nowait, interval=0.0, clock=clock)
    monitor.start()
    clock.now += 0.5
    await lags.get()
    monitor.reset()
    await lags.get()
    monitor.stop()
    assert monitor.max_seconds == 0.0


async def test_stopped_monitor_observes_nothing_more() -> None:
    seen: list[float] = []
    monitor = LoopLagMonitor(seen.append, interval=0.0)
    monitor.start()
    monitor.start()
    monitor.stop()
    monitor.stop()
    for _ in range(5):
        await asyncio.sleep(0)
    assert seen == []


def test_recent_maximum_keeps_the_window_and_no_more() -> None:
    recent = RecentMaximum(60)
    recent.add(3.0, 100.0)
    recent.add(5.0, 101.0)
    recent.add(4.0, 130.0)
    assert recent.value(160.0) == 5.0
    assert recent.value(175.0) == 4.0
    assert recent.value(201.0) == 0.0


def test_recent_maximum_of_nothing_is_zero() -> None:
    assert RecentMaximum(60).value(0.0) == 0.0
