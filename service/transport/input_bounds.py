"""`InputBounds`: how much may arrive, and in how many pieces, before the parser has made something of it."""

from typing import Final

from service.errors import BodyTooLargeError
from service.transport.head import HeadMeter, head_too_large

SMALL_PIECE_BYTES: Final = 1024
MAX_SMALL_PIECES: Final = 10_000
"""A body in chunks of one byte takes the parser 100 times as long as it takes the sender: it holds the event loop."""


class InputBounds:
    """Counts what arrives on one connection. Body sizes are `middleware.BodyLimit`'s business."""

    __slots__ = ("_max_head_bytes", "_reported", "_small_pieces", "_unreported_bytes", "head")

    def __init__(self, max_head_bytes: int) -> None:
        self._max_head_bytes = max_head_bytes
        self._reported = False
        self._unreported_bytes = 0
        self._small_pieces = 0
        self.head = HeadMeter(max_head_bytes)

    def begin_feed(self) -> None:
        """The parser is about to be fed."""
        self._reported = False

    def end_feed(self, size: int) -> None:
        """The parser has taken `size` bytes. Raises `HeadTooLargeError` if it keeps too many to itself.

        It collects an unfinished header or trailer without telling us.
        """
        self._unreported_bytes = 0 if self._reported else self._unreported_bytes + size
        if self._unreported_bytes > self._max_head_bytes:
            raise head_too_large(self._max_head_bytes)

    def report(self) -> None:
        """The parser has made something of what it was fed."""
        self._reported = True

    def begin_head(self) -> None:
        """A request begins."""
        self._reported = True
        self.head = HeadMeter(self._max_head_bytes)

    def begin_body(self) -> None:
        """A request's head is complete."""
        self._reported = True
        self._small_pieces = 0

    def add_body(self, size: int) -> None:
        """Raises `BodyTooLargeError` for a body in too many pieces."""
        self._reported = True
        if size < SMALL_PIECE_BYTES:
            self._small_pieces += 1
            if self._small_pieces > MAX_SMALL_PIECES:
                raise BodyTooLargeError(f"The body comes in more than {MAX_SMALL_PIECES} pieces. Send larger ones.")
