"""`Watchdog`: tells a hung engine from a busy one.

An engine hangs if it has requests in hand and no step ends for far longer than its steps take, or if its process does
not say anything at all any more.
"""

from collections.abc import Callable
from typing import Final

from service.engine.base import Progress

SLOW_STEPS: Final = 20
"""A step may take this many times the 99th percentile of the steps before it."""

LATE_SECONDS: Final = 2.0
"""A look that comes later than this after the one before says that we were stopped ourselves; the engine is not to
blame for what it could not tell us meanwhile."""


class Watchdog:
    """Looks at one engine again and again. `hang_seconds` is the least that counts as hanging."""

    def __init__(self, hang_seconds: float, clock: Callable[[], float]) -> None:
        self._hang_seconds = hang_seconds
        self._clock = clock
        self._looked = clock()
        self._moved = self._looked
        self._steps = -1

    def look(self, progress: Progress | None, silence_seconds: float) -> str | None:
        """What is wrong, in a sentence, or None. `silence_seconds` have passed since the process was last heard."""
        now = self._clock()
        paused = now - self._looked > LATE_SECONDS
        self._looked = now
        if paused or progress is None or not progress.running or progress.steps != self._steps:
            self._moved = now
            self._steps = progress.steps if progress else -1
        if silence_seconds > self._hang_seconds and not paused:
            return f"The engine's process has said nothing for {silence_seconds:.0f} s."
        slow = progress.slow_step_seconds if progress else 0.0
        if now - self._moved > max(self._hang_seconds, SLOW_STEPS * slow):
            return f"The engine has requests in hand, but has made no step for {now - self._moved:.0f} s."
        return None
