"""What the process as a whole is doing: starting, serving, draining; and how many requests it holds.

One object, shared by the health endpoints, the gateway, the console and the drain. Knows neither HTTP nor vLLM.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from service.engine.base import Health, Phase
from service.engine.info import EngineInfo
from service.errors import EngineUnavailableError, ShuttingDownError, UnavailableError

UNKNOWN_START_SECONDS = 30.0
"""Guess for Retry-After while nothing is known of how long this model takes to load."""


class Lifecycle:
    """Readiness of the process. `expected_start_seconds` is how long the last start of the same engine took."""

    def __init__(
        self, *, expected_start_seconds: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._began = clock()
        self._entered = self._began
        self._unready_since = self._began
        self._expected_start_seconds = expected_start_seconds
        self._listeners: list[Callable[[Health], None]] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self.health = Health(Phase.STARTING)
        self.info: EngineInfo | None = None
        self.draining = False
        self.in_flight = 0

    def on_change(self, listener: Callable[[Health], None]) -> None:
        """Call `listener` with every change of health from now on."""
        self._listeners.append(listener)

    def report(self, health: Health) -> None:
        """Take note of what the engine says of itself."""
        if health.phase is not self.health.phase:
            self._entered = self._clock()
            if self.health.phase is Phase.READY:
                self._unready_since = self._entered
        self.health = health
        for listener in self._listeners:
            listener(health)

    def started(self, info: EngineInfo) -> None:
        """The engine is ready for the first time, and describes itself. Another start will take as long."""
        self.info = info
        self._expected_start_seconds = self.elapsed_seconds
        self.report(Health(Phase.READY))

    def drain(self) -> None:
        """Take no new work from now on; what is in flight goes on."""
        self.draining = True
        self._entered = self._clock()

    @property
    def ready(self) -> bool:
        """Requests are taken."""
        return self.health.phase is Phase.READY and not self.draining

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the process began."""
        return self._clock() - self._began

    @property
    def unready_seconds(self) -> float:
        """Seconds since the process began, or since the death of the engine that is being replaced; 0 when ready."""
        return 0.0 if self.health.phase is Phase.READY else self._clock() - self._unready_since

    def refusal(self) -> UnavailableError | None:
        """The error that a new request gets now, or None if it is welcome."""
        if self.ready:
            return None
        if self.draining:
            return ShuttingDownError("The server is shutting down. Send the request again; another replica takes it.")
        phase = self.health.phase
        if phase is Phase.FAILED:
            reason = self.health.reason or "The engine has failed."
            return EngineUnavailableError(f"{reason} Try again later.", retry_after=30)
        cause = f" {self.health.reason}" if self.health.reason else ""
        return EngineUnavailableError(
            f"The engine is not ready yet: {phase.value}, for {self.unready_seconds:.0f} s.{cause} Try again later.",
            retry_after=self._remaining_seconds(),
        )

    def _remaining_seconds(self) -> float:
        if self._expected_start_seconds is None:
            return UNKNOWN_START_SECONDS
        # Past the expected end nothing is known but that it cannot be long.
        return max(self._expected_start_seconds - self.unready_seconds, 2.0)

    def snapshot(self) -> dict[str, Any]:
        """The body of the readiness endpoint."""
        phase = Phase.DRAINING if self.draining else self.health.phase
        return {
            "ready": self.ready,
            "phase": phase.value,
            "fraction": self.health.fraction,
            "reason": self.health.reason,
            "unready_seconds": round(self.unready_seconds, 3),
            "phase_seconds": round(self._clock() - self._entered, 3),
            "elapsed_seconds": round(self.elapsed_seconds, 3),
            "in_flight": self.in_flight,
        }

    def enter(self) -> None:
        """A request is in flight."""
        self.in_flight += 1
        self._idle.clear()

    def leave(self) -> None:
        """A request is over."""
        self.in_flight -= 1
        if self.in_flight == 0:
            self._idle.set()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """A request is in flight while the block runs."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    async def idle(self) -> None:
        """Wait until no request is in flight."""
        await self._idle.wait()
