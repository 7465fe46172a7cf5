"""`ParsingTurns`: costly bodies are parsed one in a turn of the event loop, not all that have arrived."""

import asyncio
from typing import Final

HEAVY_COST: Final = 30_000
"""About 3 ms, in the units of `json_cost.py`. Bodies below need not wait."""


class ParsingTurns:
    """One for all requests. Timers, and everything else that is due, run between two costly bodies."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def wait(self, cost: int) -> None:
        """Return when a body of this cost may be parsed; the caller does so without further waiting."""
        if cost >= HEAVY_COST:
            async with self._turn:
                await asyncio.sleep(0)
