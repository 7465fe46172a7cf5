"""Who counts deaths, restarts and what becomes of the streams."""

from typing import Literal, Protocol, TypeAlias

DeathKind: TypeAlias = Literal["died", "hung", "start"]
"""It ended; it made no step any more; it did not come up."""


class Observer(Protocol):
    """Who counts what happens."""

    def engine_died(self, kind: DeathKind) -> None:
        """An engine has died, has been given up, or did not start."""

    def engine_recovered(self, seconds: float) -> None:
        """It is back, so long after its death."""

    def stream_resumed(self) -> None:
        """A stream goes on in the new engine."""

    def stream_lost(self, code: str) -> None:
        """A stream ended with this error code because its engine had died."""
