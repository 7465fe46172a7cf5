"""`BufferedStream`: a `DeltaStream` that somebody else fills, and that hands out all it holds at once."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from service.engine.base import Delta
from service.errors import TidegateError


class BufferedStream:
    """A generation whose deltas are pushed in from the same event loop.

    It ends by itself once `choices` finish reasons have passed. `on_abort` is called once if it is closed before.
    What is buffered is bounded by the request's own `max_tokens`.
    """

    __slots__ = ("_buffer", "_error", "_on_abort", "_open_choices", "_waiter")

    def __init__(self, choices: int, on_abort: Callable[[], None]) -> None:
        self._buffer: list[Delta] = []
        self._waiter: asyncio.Future[None] | None = None
        self._open_choices = choices
        self._error: TidegateError | None = None
        self._on_abort: Callable[[], None] | None = on_abort

    @property
    def finished(self) -> bool:
        """No more deltas will come: every choice has ended, or the stream failed or was closed."""
        return self._open_choices == 0

    def push(self, delta: Delta) -> None:
        """Add a delta; wakes the reader."""
        self._buffer.append(delta)
        if delta.finish_reason is not None:
            self._open_choices -= 1
        self._wake()

    def fail(self, error: TidegateError) -> None:
        """End the stream with an error, after what is buffered."""
        self._error = error
        self._open_choices = 0
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        while not self._buffer:
            if self._error is not None:
                raise self._error
            if self.finished:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
            self._waiter = None
        ready, self._buffer = self._buffer, []
        return ready

    async def aclose(self) -> None:
        on_abort, self._on_abort = self._on_abort, None
        if on_abort is not None and not self.finished:
            self._open_choices = 0
            self._buffer.clear()
            on_abort()
            self._wake()


def failed(error: TidegateError) -> BufferedStream:
    """The stream of a request that is refused."""
    stream = BufferedStream(0, on_abort=lambda: None)
    stream.fail(error)
    return stream
