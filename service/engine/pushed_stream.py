"""`PushedStream`: what all `DeltaStream`s share that somebody else fills from the same event loop."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Self

from service.engine.deltas import Delta
from service.errors import TidegateError

DELTAS_A_TURN: Final = 500
"""Deltas that are handed out at once. Behind a slow reader hundreds of thousands may wait; handled in one go, they
would hold the event loop for long."""


class PushedStream:
    """The reader's side: waits, hands out, ends. What waits, and in which form, is a subclass's business.

    `on_abort` is called once if the stream is closed before its end.
    """

    __slots__ = ("_ended", "_error", "_more", "_on_abort", "_waiter")

    def __init__(self, on_abort: Callable[[], None]) -> None:
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._more = False
        self._error: TidegateError | None = None
        self._on_abort: Callable[[], None] | None = on_abort

    @property
    def finished(self) -> bool:
        """No more deltas will come: every choice has ended, or the stream failed or was closed."""
        return self._ended

    def end(self) -> None:
        """End the stream after what is waiting."""
        self._ended = True
        self._wake()

    def fail(self, error: TidegateError) -> None:
        """End the stream with an error, after what is waiting."""
        self._error = error
        self.end()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _waits(self) -> bool:
        """Something waits to be handed out."""
        raise NotImplementedError

    def _hand_out(self) -> Sequence[Delta]:
        """Take out about `DELTAS_A_TURN` deltas of what waits."""
        raise NotImplementedError

    def _drop(self) -> None:
        """Forget what waits."""
        raise NotImplementedError

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        if self._more:
            await asyncio.sleep(0)  # nothing here need wait for anything, and others have their turn too
        while not self._waits():
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
            self._waiter = None
        ready = self._hand_out()
        self._more = self._waits()
        return ready

    async def aclose(self) -> None:
        on_abort, self._on_abort = self._on_abort, None
        if on_abort is not None and not self._ended:
            self._drop()
            self.end()
            on_abort()
