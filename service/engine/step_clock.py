"""`StepClock`: counts an engine's steps and remembers how long the recent ones took."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from service.engine.base import Progress

RECENT_STEPS: Final = 2048
"""Steps that are remembered: half a minute to minutes of a busy engine."""


class StepClock:
    """A step lasts from the one before it, or from the arrival of work where there was none, to its own end."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._steps = 0
        self._since: float | None = None
        self._recent: deque[float] = deque(maxlen=RECENT_STEPS)

    def work_arrived(self) -> None:
        """A request is about to be handed in. Only the first one after a pause matters."""
        if self._since is None:
            self._since = self._now()

    def step_ended(self, *, more: bool) -> None:
        """A step has ended; with `more` another one follows at once."""
        self._steps += 1
        now = self._now()
        if self._since is not None:
            self._recent.append(now - self._since)
        self._since = now if more else None

    def progress(self, running: int) -> Progress:
        """What there is to tell, with so many requests in hand."""
        if running == 0:
            self._since = None
        durations = sorted(self._recent)
        slow = durations[int(0.99 * len(durations))] if durations else 0.0
        return Progress(self._steps, running, slow)
