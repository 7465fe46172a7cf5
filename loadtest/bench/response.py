"""One HTTP response as its bytes arrive: when it is whole, whether it is what was ordered, how many events it had.

Nothing is parsed while bytes come in; a whole response is counted with `bytearray.count`, which runs at memory speed.
Only if that count is wrong are the HTTP chunks taken apart, because a boundary may have split a pattern, and counted
again. Knows OpenAI's wire format, compactly encoded as both servers do it; does not know sockets.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

START_BYTES: Final = 256 * 1024

HEAD_END: Final = b"\r\n\r\n"
LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
EVENT: Final = b"data: "
TEXT: Final = b'"content":"'
EMPTY_TEXT: Final = b'"content":""'
FINISH: Final = b'"finish_reason":"'
DONE: Final = b"data: [DONE]\n\n"
FIRST_TEXT: Final = re.compile(rb'"content":"[^"]')
CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)\r\n", re.IGNORECASE)
CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked\r\n", re.IGNORECASE)


class LoadError(Exception):
    """The server answered otherwise than ordered; figures taken from such a run would mean nothing."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What every response must hold."""

    tokens: int
    stream: bool = True
    event_per_token: bool = True
    """Each token is an event of its own. False for real models, which hold back half characters: `usage` counts."""


class Response:
    """A buffer that is filled from a socket, one response at a time."""

    __slots__ = ("_body_at", "_buffer", "_expected", "_filled", "_length", "_searched", "has_text")

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self._buffer = bytearray(START_BYTES)
        self.clear()

    def clear(self) -> None:
        """Make ready for the next response."""
        self._filled = self._searched = self._body_at = 0
        self._length: int | None = None
        self.has_text = False

    def space(self) -> memoryview:
        """Where the next bytes go; never empty."""
        if self._filled * 2 > len(self._buffer):
            self._buffer = self._buffer + bytes(len(self._buffer))
        return memoryview(self._buffer)[self._filled :]

    def received(self, count: int) -> bool:
        """Take note of `count` bytes written into `space()`. True when the response is whole."""
        self._filled += count
        if not self._body_at and not self._read_head():
            return False
        if not self.has_text:
            self.has_text = FIRST_TEXT.search(self._buffer, self._searched, self._filled) is not None
            self._searched = max(self._filled - len(EMPTY_TEXT), 0)
        if self._length is None:
            return self._buffer.endswith(LAST_CHUNK, 0, self._filled)
        return self._filled >= self._body_at + self._length

    def events(self) -> int:
        """Check a whole response and count its `data:` events. Raises `LoadError` unless it is as ordered."""
        body = self._buffer[self._body_at : self._filled]
        if self._length is not None and len(body) != self._length:
            raise LoadError(f"{len(body)} bytes came where content-length said {self._length}: {_end(body)}")
        problem = self._problem(body)
        if problem is not None and self._length is None:
            body = bytearray().join(chunks(body))
            problem = self._problem(body)
        if problem is not None:
            raise LoadError(f"{problem}; the response ends in {_end(body)}")
        return body.count(EVENT)

    def writes(self) -> int:
        """HTTP chunks of a whole response, which are the server's writes; 1 if it is not chunked. Slow: for samples."""
        if self._length is not None:
            return 1
        return sum(1 for _ in chunks(self._buffer[self._body_at : self._filled]))

    def _read_head(self) -> bool:
        end = self._buffer.find(HEAD_END, 0, self._filled)
        if end < 0:
            return False
        self._body_at = end + len(HEAD_END)
        # The last chunk's marker may begin with the CRLF that ends the head.
        head = bytes(self._buffer[: end + 2])
        length = CONTENT_LENGTH.search(head)
        self._length = int(length[1]) if length else None
        if not head.startswith(b"HTTP/1.1 200 "):
            raise LoadError(f"not a 200: {bytes(self._buffer[: self._filled])[:2000]!r}")
        if length is None and not CHUNKED.search(head):
            raise LoadError(f"neither content-length nor chunked, so its end is unknowable: {head!r}")
        return True

    def _problem(self, body: bytearray) -> str | None:
        expected = self._expected
        if not expected.event_per_token or not expected.stream:
            # Followed by a comma in both servers' usage, so that 6 is not found in 64.
            wanted = b'"completion_tokens":%d,' % expected.tokens
            found = re.search(rb'"completion_tokens":\d+', body)
            if wanted not in body:
                return f"expected {expected.tokens} tokens, usage says {found[0] if found else 'nothing'!r}"
        elif (texts := body.count(TEXT) - body.count(EMPTY_TEXT)) != expected.tokens:
            return f"expected {expected.tokens} events with text, counted {texts}"
        if (ends := body.count(FINISH)) != 1:
            return f"expected one finish_reason, counted {ends}"
        if expected.stream and body.count(DONE) != 1:
            return f"expected one [DONE], counted {body.count(DONE)}"
        return None


def chunks(body: bytearray) -> Iterator[bytearray]:
    """Take off HTTP's chunked transfer coding (RFC 9112, 7.1). Raises `LoadError` where it is broken."""
    at = 0
    while True:
        end = body.find(b"\r\n", at)
        try:
            size = int(body[at:end], 16)
        except ValueError as error:
            raise LoadError(f"broken chunk size at byte {at}: {body[at : at + 20]!r}") from error
        if not size:
            return
        yield body[end + 2 : end + 2 + size]
        at = end + 2 + size + 2


def _end(body: bytearray) -> str:
    return repr(bytes(body[-300:]))
