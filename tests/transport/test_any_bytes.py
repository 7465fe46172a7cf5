"""Whatever bytes arrive, the listener answers no 5xx, loses no connection task, and goes on serving."""

import asyncio
import re
from collections.abc import Iterator

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.connection import CANARY, connection
from tests.api.live import LiveApp, live_app
from tests.api.live import settings as live_settings

FRAGMENTS = [
    *[b"GET ", b"POST ", b"HEAD ", b"OPTIONS * ", b"/v1/models", b"/v1/chat/completions", b"http://x/", b"?", b"%00"],
    *[b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/2.0\r\n", b"\r\n", b"\n", b"\r", b"\0", b":", b" ", b"\t", b"\xff"],
    *[b"host: x\r\n", b"content-length: 5\r\n", b"content-length: 99999999\r\n", b"transfer-encoding: chunked\r\n"],
    *[b"connection: close\r\n", b"connection: upgrade\r\nupgrade: h2c\r\n", b"expect: 100-continue\r\n"],
    *[b"content-type: application/json\r\n", b"x-request-id: a b\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"fffff\r\n"],
    *[b'{"model":"sim","messages":[]}', b"{", b"[" * 300, b"a" * 9000, b"a: b\r\n" * 200, CANARY],
]
ANYTHING = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=20), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """An event loop for all examples, since the service lives in it."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


@pytest.fixture(scope="module")
def running(loop: asyncio.Runner) -> Iterator[LiveApp]:
    """One service for all examples."""
    serving = live_app(live_settings())
    yield loop.run(serving.__aenter__())
    loop.run(serving.__aexit__(None, None, None))


async def throw(app: LiveApp, pieces: list[bytes]) -> bytes:
    """What comes back for these pieces, and then ask whether the service still answers."""
    async with connection(app) as connected:
        await connected.send(*pieces)
        connected.writer.write_eof()
        try:
            thrown = await connected.rest()
        except ConnectionError:
            thrown = b""
    async with connection(app) as connected:
        await connected.send(CANARY)
        assert (await connected.answer()).status == 200
    return thrown


@given(pieces=ANYTHING)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_answered_without_a_server_error(
    loop: asyncio.Runner, running: LiveApp, pieces: list[bytes]
) -> None:
    answer = loop.run(throw(running, pieces))
    assert not re.search(rb"HTTP/1\.1 5\d\d ", answer)
    assert running.lifecycle.in_flight == 0
