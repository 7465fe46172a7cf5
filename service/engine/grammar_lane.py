"""`GrammarLane`: attempts at forms, one after the other, and only so much of the time. Knows nothing of grammars.

On a machine whose cores all decode, whatever compiles beside them makes every token later. The lane bounds the share
of time in which that happens, however many forms come; after some rest it allows for a burst.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

PATIENCE_SECONDS: Final = 2.0
"""How long an attempt may wait for those before it, and for the rest that they made necessary."""


class GrammarLane:
    """Every second of work is followed by `rest` seconds without, save the first `burst` seconds. Needs a loop.

    Several lanes may lead to one `worker`; the lock is theirs.
    """

    def __init__(
        self,
        worker: asyncio.Lock,
        *,
        rest: float,
        burst: float,
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], object] | None = None,
    ) -> None:
        self._worker = worker
        self._rest = rest
        self._burst = burst
        self._patience = patience
        self._clock = clock
        self._later = later or asyncio.get_running_loop().call_later
        self._open = asyncio.Lock()
        self._debt = 0.0
        """Seconds of work that no rest has made up for, at the end of the last attempt."""
        self._ended = clock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the lane and the worker for one attempt. Raises `TimeoutError` if that needs too much patience."""
        await self._take()
        began = self._clock()
        self._debt = max(self._debt - (began - self._ended) / self._rest, 0.0)
        try:
            yield
        finally:
            self._worker.release()
            self._ended = self._clock()
            self._debt += self._ended - began
            # Whoever made the attempt need not wait for the rest.
            self._later(max(self._debt - self._burst, 0.0) * self._rest, self._open.release)

    async def _take(self) -> None:
        async with asyncio.timeout(self._patience):
            await self._open.acquire()
            try:
                await self._worker.acquire()
            except BaseException:
                self._open.release()
                raise
