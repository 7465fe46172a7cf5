"""`FrameConnection`: whole messages over a local stream socket, each behind its length.

The same at both ends, between the gateway and the engine's process. Knows bytes; `wire.py` knows what they mean.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

LENGTH_BYTES: Final = 4

Take: TypeAlias = Callable[[memoryview], None]
"""Is called with each frame, in turn. The frame is valid until it returns."""


class FrameConnection(asyncio.Protocol):
    """One end of a connection.

    All frames that have arrived are handed on before anything else has its turn. `on_made` is called when the
    connection is there, `on_lost` when it is gone, and `on_room`, after `room` was False, when the other end has read
    enough for more to be sent.
    """

    def __init__(
        self,
        take: Take,
        *,
        on_made: Callable[["FrameConnection"], None] | None = None,
        on_room: Callable[[], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self._take = take
        self._on_made = on_made
        self._on_room = on_room
        self._on_lost = on_lost
        self._rest = bytearray()
        self._outgoing: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._lost = asyncio.Event()
        self.room = True
        """The other end keeps up: what is sent leaves soon. Nothing is refused while it does not."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop's is none
        self._transport = transport
        if self._on_made is not None:
            self._on_made(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        if self._on_lost is not None:
            self._on_lost()

    def data_received(self, data: bytes) -> None:
        # What is kept grows in place: a frame of a hundred megabytes comes in hundreds of pieces.
        if self._rest:
            self._rest += data
        have: bytes | bytearray = self._rest or data
        with memoryview(have) as view:
            done = self._take_frames(view)
            left = None if have is self._rest and not done else bytearray(view[done:])
        if left is not None:
            self._rest = left

    def _take_frames(self, view: memoryview) -> int:
        """Hand on what is complete; how many bytes that were."""
        at, end = 0, len(view)
        while end - at >= LENGTH_BYTES:
            begin = at + LENGTH_BYTES
            after = begin + int.from_bytes(view[at:begin])
            if after > end:
                break
            self._take(view[begin:after])
            at = after
        return at

    def pause_writing(self) -> None:
        self.room = False

    def resume_writing(self) -> None:
        self.room = True
        if self._on_room is not None:
            self._on_room()

    def send(self, frame: bytes) -> None:
        """Send a frame, if the connection is still there; whoever ends it tells elsewhere.

        What is sent in one turn of the event loop leaves in one write: uvloop writes at once, and each write is a call
        of the operating system.
        """
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self.flush)
        self._outgoing += (len(frame).to_bytes(LENGTH_BYTES), frame)

    def flush(self) -> None:
        """Let what was sent leave now: whoever sent it is about to hold the event loop."""
        outgoing, self._outgoing = self._outgoing, []
        if outgoing and self._transport is not None and not self._transport.is_closing():
            self._transport.writelines(outgoing)

    async def close(self, timeout_seconds: float) -> None:
        """Close when all is sent, or when the time is over. Idempotent."""
        if self._transport is None:
            return
        self.flush()
        self._transport.close()
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._lost.wait()
        except TimeoutError:
            self._transport.abort()
