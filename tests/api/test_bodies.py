"""Every kind of body that is none, and every way of sending one badly."""

import asyncio
import json

import pytest

from service.api.json_cost import MAX_COST, JsonCost
from tests.api.connection import connection
from tests.api.live import MODEL, LiveApp

GOOD = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}).encode()
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"

BAD = {
    "empty": (b"", "invalid_json"),
    "blank": (b" \r\n", "invalid_json"),
    "open": (b"{", "invalid_json"),
    "null": (b"null", "invalid_type"),
    "list": (b"[]", "invalid_type"),
    "string": (b'"a"', "invalid_type"),
    "number": (b"1", "invalid_type"),
    "duplicate keys": (b'{"model":"sim",' + GOOD[1:], "invalid_json"),
    "trailing data": (GOOD + b"{}", "invalid_json"),
    "trailing nul": (GOOD + b"\0", "invalid_json"),
    "single quotes": (GOOD.replace(b'"', b"'"), "invalid_json"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, "invalid_json"),
    "utf-16": (GOOD.decode().encode("utf-16"), "invalid_json"),
    "utf-16 without a mark": (GOOD.decode().encode("utf-16-le"), "invalid_json"),
    "invalid utf-8": (GOOD.replace(b"Hi", b"\xff\xfe"), "invalid_json"),
    "overlong utf-8": (GOOD.replace(b"Hi", b"\xc0\xaf"), "invalid_json"),
    "lone surrogate": (GOOD.replace(b"Hi", b"\\ud800"), "invalid_json"),
    "surrogate in utf-8": (GOOD.replace(b"Hi", b"\xed\xa0\x80"), "invalid_json"),
    "nan": (GOOD[:-1] + b',"temperature":NaN}', "invalid_json"),
    "control character": (GOOD.replace(b"Hi", b"\x01"), "invalid_json"),
    "1,000 brackets": (GOOD[:-1] + b',"stop":' + b"[" * 1000 + b"]" * 1000 + b"}", "invalid_json"),
    "70,000 brackets": (GOOD[:-1] + b',"stop":' + b"[" * 70_000 + b"]" * 70_000 + b"}", "invalid_json"),
    "1,000 objects": (b'{"a":' * 1000 + b"1" + b"}" * 1000, "invalid_json"),
}


@pytest.mark.parametrize(("body", "code"), BAD.values(), ids=BAD)
async def test_a_body_that_is_no_json_object_is_refused_and_the_connection_stays(
    app: LiveApp, body: bytes, code: str
) -> None:
    async with connection(app) as connected:
        await connected.send(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        answer = await connected.answer()
        await connected.send(HEAD + b"content-length: %d\r\n\r\n" % len(GOOD) + GOOD)
        assert (await connected.answer()).status == 200
    assert (answer.status, answer.code) == (400, code)


COSTLY = {
    "brackets": b"[" * (MAX_COST // 4 + 1),
    "token ids": b'{"prompt":[' + b"1," * MAX_COST + b"1]}",
    "keys": b"{" + b",".join(b'"%d":0' % i for i in range(MAX_COST // 5 + 1)) + b"}",
    "empty objects": b"[" + b"{}," * (MAX_COST // 5 + 1) + b"{}]",
}


@pytest.mark.parametrize("body", COSTLY.values(), ids=COSTLY)
async def test_a_body_that_would_hold_the_event_loop_is_refused_unparsed(app: LiveApp, body: bytes) -> None:
    async with connection(app) as connected:
        await connected.send(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        answer = await connected.answer()
    assert (answer.status, answer.code) == (413, "request_too_large")


@pytest.mark.parametrize(("over", "status"), [(0, 400), (1, 413)])
async def test_the_cost_of_a_body_is_bounded_exactly(app: LiveApp, over: int, status: int) -> None:
    """At the limit it is parsed, and refused for what it says."""
    head, tail = b'{"model":"sim","prompt":[', b"1]}"
    known = JsonCost()
    known.add(head + tail)
    body = head + b"1," * (MAX_COST - known.total + over) + tail
    async with app.http() as client:
        answer = await client.post("/v1/completions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status


async def test_one_long_string_is_taken(app: LiveApp) -> None:
    """An image as a data URL has megabytes, and costs nothing to parse: only the model's context refuses this one."""
    body = GOOD.replace(b"Hi", b"[{,:}]" * 150_000)
    async with connection(app) as connected:
        await connected.send(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        assert (await connected.answer()).code == "context_length_exceeded"


CAPPED = {
    "declared": [HEAD + b"content-length: 1000001\r\n\r\n"],
    "declared beyond 64 bits": [HEAD + b"content-length: 18446744073709551615\r\n\r\n"],
    "chunked without end": [CHUNKED, *[b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 32],
    "tiny chunks": [CHUNKED, b"1\r\nx\r\n" * 10_001],
    "one chunk without end": [CHUNKED + b"fffffff\r\n", *[b"x" * 65536] * 32],
}


@pytest.mark.parametrize("pieces", CAPPED.values(), ids=CAPPED)
async def test_a_body_over_the_cap_is_refused_before_its_end(app: LiveApp, pieces: list[bytes]) -> None:
    async with connection(app) as connected:
        sending = asyncio.create_task(connected.send(*pieces))
        answer = await connected.answer()
        await sending
    assert (answer.status, answer.code, answer.headers["connection"]) == (413, "request_too_large", "close")


@pytest.mark.parametrize("start", [HEAD + b"content-length: 100\r\n\r\n{", CHUNKED + b"100\r\n{", CHUNKED + b"1\r\n{"])
async def test_a_body_that_stops_coming_is_given_up(app: LiveApp, start: bytes) -> None:
    async with connection(app) as connected:
        await connected.send(start)
        assert (await connected.answer()).code == "request_timeout"
        assert await connected.rest() == b""


async def test_a_body_that_trickles_in_is_given_up(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(HEAD + b"content-length: 1000\r\n\r\n")
        answering = asyncio.create_task(connected.answer())
        while not answering.done():
            await connected.send(b" ")
            await asyncio.sleep(0.02)
        assert (await answering).status == 408


async def test_a_body_in_many_pieces_is_taken(app: LiveApp) -> None:
    async with connection(app) as connected:
        for byte in CHUNKED + b"".join(b"1;ext=x\r\n%c\r\n" % byte for byte in GOOD) + b"0\r\ntrailer: x\r\n\r\n":
            await connected.send(bytes([byte]))
        assert (await connected.answer()).status == 200


async def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(GOOD))
        assert (await connected.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await connected.send(GOOD)
        assert (await connected.answer()).status == 200
