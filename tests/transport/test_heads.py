"""What the listener makes of heads: bounds, deadlines, ambiguity, upgrades."""

import asyncio
import logging
import tracemalloc

import pytest

from tests.api.connection import CANARY, Answer, connection
from tests.api.live import LiveApp, port_of

GET = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
CHAT = b'{"model":"sim","messages":[{"role":"user","content":"Hi"}]}'


async def answer_to(app: LiveApp, *pieces: bytes) -> Answer:
    """The answer to these bytes; the connection must end after it."""
    async with connection(app) as connected:
        await connected.send(*pieces)
        answer = await connected.answer()
        assert answer.headers["connection"] == "close"
        assert await connected.rest() == b""
    return answer


MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "unknown method": b"BREW /v1/models HTTP/1.1\r\nhost: x\r\n\r\n",
    "connect": b"CONNECT a:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    "version": b"GET /v1/models HTTP/2.0\r\nhost: x\r\n\r\n",
    "no path": b"GET http://x HTTP/1.1\r\nhost: x\r\n\r\n",
    "no host": b"GET /v1/models HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"host: y\r\n\r\n",
    "space before colon": GET + b"a : b\r\n\r\n",
    "folded": GET + b"a: b\r\n c\r\n\r\n",
    "nul": GET + b"a: \0\r\n\r\n",
    "bare cr": GET + b"a: b\rc: d\r\n\r\n",
    "two lengths": POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}",
    "the same length twice": POST + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
    "a list of lengths": POST + b"content-length: 2, 2\r\n\r\n{}",
    "negative length": POST + b"content-length: -1\r\n\r\n",
    "length and chunked": POST + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
    "chunked and length": POST + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
    "other coding": POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunk size": POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    "overflowing chunk size": POST + b"transfer-encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_malformed_or_ambiguous_is_refused(app: LiveApp, sent: bytes) -> None:
    answer = await answer_to(app, sent)
    assert (answer.status, answer.code) == (400, "malformed_request")


LARGE = {
    "one long header": (431, [GET + b"a: ", *[b"x" * 65536] * 64]),
    "a long name": (431, [GET, *[b"x" * 65536] * 64]),
    "many headers": (431, [GET, *[b"a: b\r\n" * 1000] * 100]),
    "many long headers": (431, [GET, *[b"a: " + b"x" * 1000 + b"\r\n"] * 100]),
    "long url": (414, [b"GET /", *[b"x" * 65536] * 64]),
    "long query": (414, [b"GET /v1/models?" + b"x" * 8192 + b" HTTP/1.1\r\nhost: x\r\n\r\n"]),
}


@pytest.mark.parametrize(("status", "pieces"), LARGE.values(), ids=LARGE)
async def test_a_head_over_a_cap_is_refused(app: LiveApp, status: int, pieces: list[bytes]) -> None:
    answer = await answer_to(app, *pieces)
    assert (answer.status, answer.code) == (status, {431: "headers_too_large", 414: "url_too_long"}[status])


async def test_an_endless_header_costs_no_memory(app: LiveApp) -> None:
    piece = b"x" * 65536
    async with connection(app) as connected:
        tracemalloc.start()
        await connected.send(GET + b"a: ", *[piece] * 512)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2_000_000


async def test_an_endless_trailer_is_refused(app: LiveApp) -> None:
    start = POST + b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\na: "
    assert (await answer_to(app, start, *[b"x" * 65536] * 32)).status == 431


async def test_heads_of_usual_size_are_taken(app: LiveApp) -> None:
    head = b"GET /v1/models?a=" + b"x" * 8000 + b" HTTP/1.1\r\nhost: x\r\n" + b"cookie: " + b"y" * 50_000 + b"\r\n"
    async with connection(app) as connected:
        await connected.send(head + b"a: b\r\n" * 100 + b"\r\n")
        assert (await connected.answer()).status == 200


async def test_a_head_that_does_not_end_is_given_up(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(GET + b"a: ")
        assert (await connected.answer()).code == "request_timeout"
        assert await connected.rest() == b""


async def test_a_head_that_trickles_in_is_given_up(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(GET + b"a: ")
        answering = asyncio.create_task(connected.answer())
        while not answering.done():
            await connected.send(b"x")
            await asyncio.sleep(0.02)
        assert (await answering).status == 408


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
async def test_a_connection_without_a_request_is_closed(app: LiveApp, sent: bytes) -> None:
    async with connection(app) as connected:
        await connected.send(sent)
        assert await connected.rest() == b""


async def test_the_deadline_holds_for_the_second_request_too(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(CANARY)
        assert (await connected.answer()).status == 200
        await connected.send(b"GET /v1/mod")
        assert (await connected.answer()).status == 408


async def test_a_refusal_is_logged_once_and_counted(app: LiveApp, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="tidegate.access"):
        answer = await answer_to(app, GET + b"x-request-id: mine-1\r\n" + b"a: b\r\n" * 200)
    assert answer.headers["x-request-id"] == "mine-1"
    [record] = [record for record in caplog.records if record.name == "tidegate.access"]
    fields = record.fields  # type: ignore[attr-defined]
    assert (fields["request_id"], fields["status"], fields["outcome"]) == ("mine-1", 431, "client_error")
    assert b'tidegate_requests_total{model="other",outcome="client_error",route="other"} 1.0' in app.telemetry.render(
        b""
    )


async def test_the_management_listener_is_guarded_too(app: LiveApp) -> None:
    async with connection(app, port_of(app.management_url)) as connected:
        await connected.send(GET + b"a: b\r\n" * 200)
        assert (await connected.answer()).code == "headers_too_large"


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket", b"TLS/1.0"])
async def test_a_wish_to_upgrade_is_ignored_and_the_body_read(app: LiveApp, upgrade: bytes) -> None:
    head = POST + b"connection: Upgrade, HTTP2-Settings\r\nupgrade: " + upgrade + b"\r\nhttp2-settings: AAE\r\n"
    head += b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(CHAT)
    async with connection(app) as connected:
        await connected.send(head + CHAT[:20], CHAT[20:] + CANARY)
        assert [(await connected.answer()).status for _ in range(2)] == [200, 200]


async def test_head_is_answered_as_get_without_the_body(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(b"HEAD /health/live HTTP/1.1\r\nhost: x\r\n\r\n" + CANARY)
        assert (await connected.answer(head_only=True)).status == 200
        assert (await connected.answer()).status == 200


async def test_options_is_a_method_that_no_path_takes(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(b"OPTIONS /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = await connected.answer()
    assert (answer.status, answer.code, answer.headers["allow"]) == (405, "method_not_allowed", "get")


async def test_a_path_with_a_slash_too_many_is_not_redirected(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(b"GET /v1/models/ HTTP/1.1\r\nhost: evil.example\r\n\r\n")
        assert (await connected.answer()).status == 404


@pytest.mark.parametrize("host", [b"a/b?c", b"x/metrics?", b"@evil"])
async def test_the_host_header_does_not_choose_the_route(app: LiveApp, host: bytes) -> None:
    async with connection(app) as connected:
        await connected.send(b"GET /v1/models HTTP/1.1\r\nhost: " + host + b"\r\n\r\n")
        assert b'"object":"list"' in (await connected.answer()).body
