"""A client that goes away, at each moment of a request: the engine is free within a second, the books are right."""

import asyncio

import pytest

from service.telemetry import OUTCOMES
from tests.api.connection import connection
from tests.api.live import LiveApp, live_app, settings
from tests.fault_proxy import Cut, Delay, Fault, FaultProxy, Throttle, fault_proxy
from tests.transport.test_connections import chat, idle

ENDLESS = {"ignore_eos": True, "max_tokens": 4000}
LONG = {**ENDLESS, "n": 16, "logprobs": True, "top_logprobs": 20}


def count(app: LiveApp, outcome: str, route: str = "chat") -> float:
    """Requests that were counted with this outcome, whatever their model."""
    prefix = f'outcome="{outcome}",route="{route}"'
    lines = app.telemetry.render(b"").decode().splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith("tidegate_requests_total") and prefix in line
    )


def tokens(app: LiveApp) -> float:
    """Output tokens that were counted."""
    lines = app.telemetry.render(b"").decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("tidegate_generation_tokens_total"))


async def through(app: LiveApp, fault: Fault | None, request: bytes) -> FaultProxy:
    """Send a request through a fault, and read until the connection ends or the fault has happened."""
    async with fault_proxy(app.port, fault) as proxy, connection(app, proxy.port) as connected:
        await connected.send(request)
        reading = asyncio.create_task(connected.reader.read())
        cut = asyncio.create_task(proxy.cut.wait())
        await asyncio.wait((reading, cut), timeout=5, return_when=asyncio.FIRST_COMPLETED)
        for task in (reading, cut):
            task.cancel()
        await asyncio.gather(reading, cut, return_exceptions=True)
    return proxy


async def ended(app: LiveApp) -> dict[str, float]:
    """The outcomes that were counted, once nothing is in flight and at least one was; there is a second for that."""
    await idle(app)
    async with asyncio.timeout(1):
        while not (counted := {name: number for name in OUTCOMES if (number := count(app, name))}):
            await asyncio.sleep(0.005)
    return counted


MOMENTS = {
    "in the body": Cut("request", at=120),
    "in the response's head": Cut("response", at=10),
    "at the first token": Cut("response", after=b"data: "),
    "in mid-stream": Cut("response", at=20_000),
}


@pytest.mark.parametrize("fault", MOMENTS.values(), ids=MOMENTS)
async def test_a_client_cut_off(slow_app: LiveApp, fault: Cut) -> None:
    proxy = await through(slow_app, fault, chat(stream=True, **ENDLESS))
    assert proxy.cut.is_set()
    assert await ended(slow_app) == {"cancelled": 1}


async def test_a_client_cut_off_in_the_head_made_no_request(app: LiveApp) -> None:
    proxy = await through(app, Cut("request", at=60), chat())
    async with connection(app) as connected:
        await connected.send(chat())
        await connected.answer()
    assert proxy.cut.is_set()
    assert await ended(app) == {"ok": 1}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("simulation", [{"ttft_seconds": 30}, {"itl_seconds": 0.01}], ids=["prefill", "decode"])
async def test_a_client_that_leaves_before_its_first_byte(stream: bool, simulation: dict[str, float]) -> None:
    async with live_app(settings(**simulation)) as app:
        async with connection(app) as connected:
            await connected.send(chat(stream=stream, **ENDLESS))
            async with asyncio.timeout(2):
                while not app.lifecycle.in_flight:
                    await asyncio.sleep(0.005)
        assert await ended(app) == {"cancelled": 1}


async def test_a_client_that_leaves_the_queue() -> None:
    async with live_app(settings(max_num_seqs=1, itl_seconds=0.01)) as app, connection(app) as first:
        await first.send(chat(stream=True, **ENDLESS))
        await first.reader.readuntil(b"data: ")
        async with connection(app) as second:
            await second.send(chat(stream=True, **ENDLESS))
            async with asyncio.timeout(2):
                while b'waiting{model_name="sim"} 1.0' not in await app.engine.metrics():
                    await asyncio.sleep(0.005)
        async with asyncio.timeout(1):
            while b'waiting{model_name="sim"} 0.0' not in await app.engine.metrics():
                await asyncio.sleep(0.005)
        assert (app.lifecycle.in_flight, count(app, "cancelled")) == (1, 1)


async def test_a_client_cut_off_between_the_last_token_and_done_is_counted_once(app: LiveApp) -> None:
    await through(app, Cut("response", after=b'"finish_reason":"stop"'), chat(stream=True))
    assert sum((await ended(app)).values()) == 1
    assert tokens(app) == 8


async def test_a_slow_client_gets_everything_and_is_counted_once(app: LiveApp) -> None:
    request = chat(stream=True).replace(b"host: x", b"host: x\r\nconnection: close", 1)
    proxy = await through(app, Throttle("response", 500, 0.002), request)
    assert b"data: [DONE]" in proxy.passed["response"]
    assert await ended(app) == {"ok": 1}
    assert tokens(app) == 8


@pytest.mark.parametrize("at", [0, 60, 120])
async def test_a_request_that_comes_too_slowly_is_told_so(app: LiveApp, at: int) -> None:
    proxy = await through(app, Delay("request", at, 1.0), chat())
    answer = bytes(proxy.passed["response"])
    assert answer.startswith(b"HTTP/1.1 408 ") or (at == 0 and not answer)


async def test_a_reader_that_stops_costs_the_write_timeout_and_no_more() -> None:
    """The proxy passes so little that the service can write nothing for longer than it waits."""
    async with live_app(settings()) as app:
        request = asyncio.create_task(through(app, Throttle("response", 1, 0.5), chat(stream=True, **LONG)))
        async with asyncio.timeout(5):
            while not app.lifecycle.in_flight:
                await asyncio.sleep(0.005)
        await idle(app, 5)
        assert await ended(app) == {"cancelled": 1}
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
