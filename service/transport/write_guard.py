"""`WriteGuard`: cuts off a reader that has stopped reading."""

import asyncio
from collections.abc import Callable

from service.transport.deadline import Deadline


class WriteGuard:
    """Watches one connection while more is written than its reader has taken.

    A reader may be as slow as it likes, but it has to take something every `seconds`; else `given_up` is called, and
    the connection is aborted. (Closing would wait for the reader that does not read.)
    """

    __slots__ = ("_deadline", "_given_up", "_left", "_transport")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, given_up: Callable[[], None]) -> None:
        self._deadline = Deadline(loop, seconds, self._on_time)
        self._given_up = given_up
        self._transport: asyncio.Transport | None = None
        self._left = 0

    def start(self, transport: asyncio.Transport) -> None:
        """Begin to watch, unless that has begun already."""
        if self._transport is None:
            self._transport = transport
            self._left = transport.get_write_buffer_size()
            self._deadline.start()

    def stop(self) -> None:
        """Watch no more."""
        self._transport = None
        self._deadline.stop()

    def _on_time(self) -> None:
        assert self._transport is not None
        # Nobody writes while the transport is paused or closing, so whatever is gone has been taken.
        before, self._left = self._left, self._transport.get_write_buffer_size()
        if self._left < before:
            self._deadline.start()
            return
        self._given_up()
        self._transport.abort()
