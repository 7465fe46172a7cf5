"""How late the event loop runs what is due: the one figure that shows a blocked loop from within.

Measured at 50 timers a second: 1 % of a core while the loop is idle (the wake-ups), 0.02 % while it is busy.
Knows nothing of metrics; it is given a function to tell.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

SLOTS: Final = 6
"""Parts into which the window of a `RecentMaximum` is divided; it forgets one part at a time."""


class LoopLagMonitor:
    """Sets a timer again and again, and calls `observe` with the seconds by which each was late.

    `start` and `stop` are idempotent and called on the loop that is watched. `clock` is monotonic, in seconds; it is
    not the loop's own, because uvloop's counts in whole milliseconds and stands still within one iteration.
    """

    def __init__(
        self,
        observe: Callable[[float], None],
        interval: float = 0.02,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._observe = observe
        self._interval = interval
        self._clock = clock
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.max_seconds = 0.0
        """The worst lag since the last `reset`."""

    def start(self) -> None:
        """Begin to watch the running loop."""
        if self._timer is None:
            self._arm(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def reset(self) -> None:
        """Forget the worst lag so far."""
        self.max_seconds = 0.0

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = self._clock() + self._interval
        self._timer = loop.call_later(self._interval, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        # Timers may fire a little early: the loop's clock is coarser than ours.
        lag = max(self._clock() - self._due, 0.0)
        if lag > self.max_seconds:
            self.max_seconds = lag
        self._observe(lag)
        self._arm(loop)


class RecentMaximum:
    """The largest value of a sliding window of `window_seconds`; cheap, because it keeps one maximum per slot.

    The window's edge is one slot wide: a value is forgotten after `window_seconds` to one slot more.
    """

    def __init__(self, window_seconds: float) -> None:
        self._slot_seconds = window_seconds / SLOTS
        # One slot more than the window has, for the one that is being filled.
        self._slots: dict[int, float] = {}

    def add(self, value: float, now: float) -> None:
        """Take note of a value. `now` is a monotonic clock's reading, never less than the last."""
        slot = int(now / self._slot_seconds)
        known = self._slots.get(slot)
        if known is None:
            self._forget(slot)
            self._slots[slot] = value
        elif value > known:
            self._slots[slot] = value

    def value(self, now: float) -> float:
        """The largest value of the window that ends now; 0 if there was none."""
        self._forget(int(now / self._slot_seconds))
        return max(self._slots.values(), default=0.0)

    def _forget(self, slot: int) -> None:
        self._slots = {at: value for at, value in self._slots.items() if at >= slot - SLOTS}
