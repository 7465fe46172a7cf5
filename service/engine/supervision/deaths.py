"""`DeathRecord`: how often an engine has died of late, and what follows from that."""

from collections import deque
from collections.abc import Callable
from typing import Final

LONGEST_BACK_OFF_SECONDS: Final = 30.0


class DeathRecord:
    """The deaths of the last `window_seconds`. The first is answered at once, further ones after 1, 2, 4... seconds."""

    def __init__(self, limit: int, window_seconds: float, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._window_seconds = window_seconds
        self._clock = clock
        self._deaths: deque[float] = deque()

    def back_off(self) -> float | None:
        """Count a death. Seconds to wait before the next start, or None when there have been too many."""
        now = self._clock()
        self._deaths.append(now)
        while self._deaths[0] < now - self._window_seconds:
            self._deaths.popleft()
        count = len(self._deaths)
        if count >= self._limit:
            return None
        return 0.0 if count == 1 else min(2.0 ** (count - 2), LONGEST_BACK_OFF_SECONDS)
