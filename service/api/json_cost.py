"""`JsonCost`: what parsing a body will cost, counted while it arrives.

The time that a parser needs depends on how many values there are, not on how many bytes: a megabyte is parsed in 1 ms
if it is one string, and in 170 ms if it is all brackets. Parsing holds the event loop, and a thread would hold the
interpreter's lock in its stead, so the only remedy is a bound. Knows JSON's punctuation, and nothing of its grammar:
behind the first error the count may be wrong, but so far no parser goes.
"""

from typing import Final

WEIGHTS: Final = {b",": 1, b":": 4, b"[": 4, b"{": 4}
"""Relative cost of the values that a character announces, in units of about 100 ns of jiter and pydantic together.
Lists of numbers are the dearest for their cost; lists of lists, objects and bare brackets need half of it at most.
"""

ESCAPES_PER_UNIT: Final = 8
"""Backslashes in strings that cost as much as one unit. Other bytes of strings cost nearly nothing."""

MAX_COST: Final = 300_000
"""About 30 ms, and 50 ms at the worst, with 16 MiB of text beside it. It is 300,000 token ids, or 60,000 fields."""


class JsonCost:
    """Counts punctuation outside of strings, and escapes, over all pieces of a body. 256 KiB cost about 1 ms."""

    __slots__ = ("_escaping", "_in_string", "total")

    def __init__(self) -> None:
        self._in_string = 0
        self._escaping = b""
        self.total = 0

    def add(self, piece: bytes) -> None:
        """Count the next piece."""
        if self._escaping or b"\\" in piece:
            piece = self._without_escapes(piece)
        segments = piece.split(b'"')
        outside = b"".join(segments[self._in_string :: 2])
        self._in_string ^= (len(segments) - 1) & 1
        self.total += sum(weight * outside.count(mark) for mark, weight in WEIGHTS.items())

    def _without_escapes(self, piece: bytes) -> bytes:
        """Counts them, and leaves those quotes that begin or end a string. Megabytes of base64 come without any."""
        self.total += piece.count(b"\\") // ESCAPES_PER_UNIT
        # An escape may be cut in two; half of it waits for the next piece.
        piece = (self._escaping + piece).replace(b"\\\\", b"")
        self._escaping = b"\\" if piece.endswith(b"\\") else b""
        return piece.replace(b'\\"', b"")
