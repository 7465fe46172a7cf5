"""What a request's head may be: its bounds, and what must not be ambiguous. Bytes in, errors out; no connection."""

from collections.abc import Sequence
from typing import Final

import httptools

from service.errors import HeadTooLargeError, MalformedHttpError, UrlTooLongError

MAX_URL_BYTES: Final = 8 * 1024
MAX_HEADERS: Final = 128


class HeadMeter:
    """Counts one head while it arrives."""

    __slots__ = ("_bytes", "_headers", "_max_bytes", "_url_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = self._headers = self._url_bytes = 0

    def add_url(self, part: bytes) -> None:
        """Raises `UrlTooLongError`."""
        self._url_bytes += len(part)
        if self._url_bytes > MAX_URL_BYTES:
            raise UrlTooLongError(f"The URL is longer than {MAX_URL_BYTES} bytes. Send parameters in the body.")

    def add_header(self, name: bytes, value: bytes) -> None:
        """Raises `HeadTooLargeError`."""
        self._headers += 1
        self._bytes += len(name) + len(value) + len(b": \r\n")
        if self._bytes + self._url_bytes > self._max_bytes:
            raise head_too_large(self._max_bytes)
        if self._headers > MAX_HEADERS:
            raise HeadTooLargeError(f"There are more than {MAX_HEADERS} header fields. Send fewer.")


def head_too_large(max_bytes: int) -> HeadTooLargeError:
    """The error for header fields or trailers over their cap."""
    return HeadTooLargeError(f"The header fields have more than {max_bytes} bytes. Send fewer or shorter ones.")


def malformed() -> MalformedHttpError:
    """The error for what the parser refuses. Its own words would quote what was sent."""
    return MalformedHttpError("This is not a well-formed HTTP/1.1 request.")


def check_framing(method: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise `MalformedHttpError` for what the parser lets through, though two readers may understand it differently.

    Header names are in lower case.
    """
    if method == b"CONNECT":
        raise MalformedHttpError("CONNECT is for proxies, and this is none. Send GET or POST.")
    if version not in ("1.0", "1.1"):
        raise MalformedHttpError("Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    hosts = sum(name == b"host" for name, _ in headers)
    if hosts > 1 or (hosts == 0 and version == "1.1"):
        raise MalformedHttpError(f"A request must have one Host header, but this has {hosts}.")
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and (version == "1.0" or codings != [b"chunked"]):
        raise MalformedHttpError("The only Transfer-Encoding taken is 'chunked', in HTTP/1.1.")


def split_target(url: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request's target, as sent. Raises `MalformedHttpError`."""
    try:
        parsed = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError as error:
        raise malformed() from error
    if parsed.path is None:
        raise malformed()
    return parsed.path, parsed.query or b""


def without_upgrade(method: bytes, url: bytes, version: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The head of a request as bytes, but without its wish to speak another protocol."""
    lines = [b"%b %b HTTP/%b" % (method, url, version)]
    lines += [b"%b: %b" % (name, value) for name, value in headers if name != b"upgrade"]
    return b"\r\n".join([*lines, b"", b""])
