"""Several requests on one connection, and how a connection ends."""

import asyncio
import json
import re

import pytest

from service.engine.pushed_stream import DELTAS_A_TURN
from tests.api.connection import CANARY, connection
from tests.api.live import LiveApp


def chat(**fields: object) -> bytes:
    """A chat request as bytes."""
    body = json.dumps({"model": "sim", "messages": [{"role": "user", "content": "Hi"}], **fields}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


ENDLESS = chat(stream=True, ignore_eos=True, max_tokens=4000)


async def idle(app: LiveApp, seconds: float = 1) -> None:
    """Wait until nothing is in flight, here or in the engine."""
    async with asyncio.timeout(seconds):
        while app.lifecycle.in_flight or b'running{model_name="sim"} 0.0' not in await app.engine.metrics():
            await asyncio.sleep(0.005)


async def test_requests_sent_ahead_are_answered_in_turn(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(chat() + CANARY + chat())
        assert [b"completion" in (await connected.answer()).body for _ in range(3)] == [True, False, True]


async def test_too_many_requests_sent_ahead_are_refused_after_their_turn(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(CANARY * 1000)
        statuses = [(await connected.answer()).status for _ in range(10)]
        assert await connected.rest() == b""
    assert statuses == [200] * 9 + [400]


async def test_garbage_behind_a_request_does_not_disturb_its_stream(slow_app: LiveApp) -> None:
    async with connection(slow_app) as connected:
        await connected.send(chat(stream=True, max_tokens=20), b"\0garbage")
        rest = await connected.rest()
    stream, _, refusal = rest.partition(b"0\r\n\r\n")
    assert b"[DONE]" in stream
    assert refusal.startswith(b"HTTP/1.1 400 ")


async def test_a_client_that_sent_ahead_and_left_frees_the_engine(slow_app: LiveApp) -> None:
    async with connection(slow_app) as connected:
        await connected.send(ENDLESS + ENDLESS)
        await connected.reader.readuntil(b"data: ")
        assert slow_app.lifecycle.in_flight == 1
    await idle(slow_app)


async def test_a_client_that_still_sends_can_read_why_it_is_refused(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n")
        await asyncio.sleep(0.05)
        await connected.send(*[b"x" * 65536] * 20)
        assert (await connected.answer()).code == "request_too_large"
        assert await connected.rest() == b""


async def test_http_1_0_is_answered_without_chunks_and_closed(app: LiveApp) -> None:
    async with connection(app) as connected:
        await connected.send(chat(stream=True).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        head, _, body = (await connected.rest()).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body.startswith(b"data: ") and body.endswith(b"data: [DONE]\n\n")


async def test_a_reader_that_stops_is_cut_off(slow_app: LiveApp) -> None:
    async with connection(slow_app) as connected:
        connected.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await connected.send(chat(n=128, logprobs=True, top_logprobs=20, stream=True, ignore_eos=True, max_tokens=4000))
        async with asyncio.timeout(10):
            while not slow_app.lifecycle.in_flight:
                await asyncio.sleep(0.01)
        await idle(slow_app, 15)


@pytest.mark.parametrize("sent", [b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"])
async def test_a_client_that_leaves_its_body_unfinished_is_no_defect_of_ours(
    app: LiveApp, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with connection(app) as connected:
        await connected.send(sent)
        await asyncio.sleep(0.05)
    cancelled = b'tidegate_requests_total{model="other",outcome="cancelled",route="chat"} 1.0'
    async with asyncio.timeout(1):
        while cancelled not in app.telemetry.render(b""):
            await asyncio.sleep(0.01)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_what_has_piled_up_is_not_encoded_in_one_go(app: LiveApp) -> None:
    """128 choices, each with eight tokens that are due at once: 1,024 deltas."""
    async with connection(app) as connected:
        await connected.send(chat(n=128, stream=True).replace(b"host: x", b"host: x\r\nconnection: close", 1))
        body = (await connected.rest()).partition(b"\r\n\r\n")[2]
    events = [chunk.count(b"data: ") for chunk in re.split(rb"\r\n[0-9a-f]+\r\n", body)]
    assert sum(events) > 1024
    assert max(events) <= DELTAS_A_TURN + 128 + 1
