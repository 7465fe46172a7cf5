"""Bodies that are no JSON object, that are too large, too costly or too slow, or that claim to be something else."""

import itertools
import json
from collections.abc import Iterator
from typing import Final

from tests.api.test_bodies import BAD, CHUNKED, COSTLY, GOOD, HEAD
from tests.bad_input.row import CHAT, COMPLETIONS, MARK, Row, http, post, sends

OVER_ANY_CAP: Final = 320
"""Pieces of 64 KiB: 20 MiB."""

ENCODINGS: Final = ("gzip", "deflate", "br", "zstd", "identity, gzip")
TYPES: Final = (
    "",
    "text/plain",
    "text/json",
    "application/jsonx",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
)


def rows() -> Iterator[Row]:
    """All of them."""
    for name, (body, code) in BAD.items():
        yield sends("bodies", name, [http("POST", CHAT, body, content_type="application/json")], 400, code)
    for number in ("NaN", "Infinity", "-Infinity", "1e999", "01", ".5"):
        body = GOOD[:-1] + b',"temperature":' + number.encode() + b"}"
        yield sends("bodies", number, [HEAD + b"content-length: %d\r\n\r\n" % len(body) + body], 400)
    for name, body in COSTLY.items():
        yield sends("bodies", f"costly {name}", [http("POST", CHAT, body, content_type="application/json")], 413)
    yield from _too_large()
    for media_type in TYPES:
        yield sends("content types", media_type or "none", [_declared(content_type=media_type)], 415)
    for encoding in ENCODINGS:
        declared = _declared(content_type="application/json", content_encoding=encoding)
        yield sends("content types", encoding, [declared], 415, "unsupported_media_type")
    yield from _too_slow()


def _declared(**headers: str) -> bytes:
    return http(
        "POST", CHAT, json.dumps({"model": "m", "messages": [{"role": "user", "content": MARK}]}).encode(), **headers
    )


def _too_large() -> Iterator[Row]:
    declared = [HEAD + b"content-length: 1000000000\r\n\r\n"]
    endless = itertools.chain([CHUNKED], itertools.repeat(b"10000\r\n" + b"x" * 65_536 + b"\r\n", OVER_ANY_CAP))
    yield sends("bodies", "declared too large", declared, 413, "request_too_large")
    yield sends("bodies", "chunked without end", list(endless), 413, "request_too_large", milliseconds=2000)
    yield sends("bodies", "tiny chunks", [CHUNKED, b"1\r\nx\r\n" * 10_001], 413, milliseconds=500)
    one_text = {"model": "m", "prompt": "x" * 17 * 1024**2}
    yield sends("bodies", "17 MiB of text", [post(COMPLETIONS, one_text)], 413, milliseconds=2000)


def _too_slow() -> Iterator[Row]:
    for name, start in (
        ("no body comes", HEAD + b"content-length: 100\r\n\r\n"),
        ("half a body comes", HEAD + b"content-length: 100\r\n\r\n{"),
        ("half a chunk comes", CHUNKED + b"100\r\n{"),
        ("half a head comes", b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-"),
    ):
        yield sends("slowness", name, [start], 408, "request_timeout", milliseconds=11_000)
