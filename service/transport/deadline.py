"""`Deadline`: a timer that can be started once at a time, and stopped at any time."""

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls `expired` when `seconds` have passed since `start`, unless stopped before."""

    __slots__ = ("_expired", "_loop", "_seconds", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, expired: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._expired = expired
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to count, unless that has begun already."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._on_time)

    def stop(self) -> None:
        """Count no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        self._timer = None
        self._expired()
