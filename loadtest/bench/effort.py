"""How long to measure."""

from typing import Final

import msgspec


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """Rounds of A B, and how much happens in each."""

    rounds: int
    seconds: float
    """Length of one closed-loop run."""
    requests: int
    """Requests one after another, where times are measured and not rates."""
    engine_starts: int
    """How often a real engine is started on each side; each start takes half a minute."""


FULL: Final = Effort(rounds=5, seconds=3.0, requests=100, engine_starts=2)
QUICK: Final = Effort(rounds=2, seconds=1.0, requests=30, engine_starts=1)
