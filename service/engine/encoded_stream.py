"""`EncodedStream`: the stream of an engine in another process, as the gateway reads it."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from service.engine.deltas import Delta
from service.engine.pushed_stream import DELTAS_A_TURN, PushedStream
from service.errors import SlowReaderError

MAX_WAITING_BYTES: Final = 16 * 1024**2
"""What may wait for a reader: about a million tokens of text, or 40,000 with 20 log probabilities each."""

_decode = msgspec.msgpack.Decoder(list[Delta]).decode


class EncodedStream(PushedStream):
    """A generation whose deltas are pushed in as msgpack and decoded when they are read.

    So a reader that falls behind costs a tenth of what decoded deltas would take, and no time of the others. One that
    falls behind by more than `max_waiting_bytes` ends its generation; None is for answers that nobody reads in pieces.
    """

    __slots__ = ("_max_bytes", "_parts", "_waiting_bytes")

    def __init__(self, on_abort: Callable[[], None], max_waiting_bytes: int | None = MAX_WAITING_BYTES) -> None:
        super().__init__(on_abort)
        self._parts: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._max_bytes = max_waiting_bytes

    @property
    def waiting_bytes(self) -> int:
        """What waits to be read."""
        return self._waiting_bytes

    def push(self, part: bytes) -> None:
        """Add a list of deltas, still encoded; wakes the reader."""
        # The part itself may be of any size: the first one may carry the log probabilities of a whole prompt.
        if self._max_bytes is not None and self._waiting_bytes > self._max_bytes:
            self._give_up(self._max_bytes)
            return
        self._parts.append(part)
        self._waiting_bytes += len(part)
        self._wake()

    def _give_up(self, max_bytes: int) -> None:
        on_abort, self._on_abort = self._on_abort, None
        self.fail(
            SlowReaderError(
                f"The response was read too slowly: more than {max_bytes} bytes of it were waiting. Read faster, or "
                "ask for fewer choices, tokens or log probabilities."
            )
        )
        if on_abort is not None:
            on_abort()

    def _waits(self) -> bool:
        return bool(self._parts)

    def _hand_out(self) -> Sequence[Delta]:
        deltas = self._next()
        while self._parts and len(deltas) < DELTAS_A_TURN:
            deltas += self._next()
        return deltas

    def _next(self) -> list[Delta]:
        part = self._parts.popleft()
        self._waiting_bytes -= len(part)
        return _decode(part)

    def _drop(self) -> None:
        self._parts.clear()
        self._waiting_bytes = 0
