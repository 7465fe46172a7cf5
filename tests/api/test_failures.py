"""Errors have OpenAI's shape and a request id, whatever failed and where."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from service.engine.base import Health, Phase
from service.engine.prompts import Prompt, Renderable
from service.engine.simulated import SimulatedEngine
from tests.api.live import MODEL, LiveApp, live_app, settings

CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error of a response, which must have OpenAI's four members and a request id."""
    assert response.headers["x-request-id"]
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["code"], str)
    return error


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/metrics", 404, "not_found"),
        ("GET", "/docs", 404, "not_found"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("GET", "/v1/models/none", 404, "model_not_found"),
    ],
)
async def test_what_the_router_refuses(app: LiveApp, method: str, path: str, status: int, code: str) -> None:
    async with app.http() as client:
        response = await client.request(method, path)
    assert (response.status_code, error_of(response)["code"]) == (status, code)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"content-type": ""}, 415),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
        ({"content-type": "application/json; charset=utf-8"}, 200),
    ],
)
async def test_only_plain_json_is_taken(app: LiveApp, headers: dict[str, str], status: int) -> None:
    async with app.http() as client:
        response = await client.post("/v1/chat/completions", content=json.dumps(CHAT), headers=headers)
    assert response.status_code == status


async def test_a_body_over_the_cap_is_refused_before_it_is_sent(app: LiveApp) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000001\r\n\r\n")
    async with asyncio.timeout(2):
        assert b" 413 " in await reader.readline()
    writer.close()


async def test_a_body_that_does_not_come_is_given_up(app: LiveApp) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: 100\r\n\r\n{"
    )
    async with asyncio.timeout(2):
        answer = await reader.read()
    assert b" 408 " in answer.splitlines()[0]
    writer.close()


@pytest.mark.parametrize(("given", "kept"), [("abc-1.2_3", True), ("a b", False), ("x" * 129, False)])
async def test_a_request_id_is_kept_if_harmless(app: LiveApp, given: str, kept: bool) -> None:
    async with app.http() as client:
        response = await client.get("/v1/models", headers={"x-request-id": given})
    assert (response.headers["x-request-id"] == given) is kept


async def test_a_request_while_the_engine_loads_is_told_when_to_come_back() -> None:
    async with live_app(settings(), start=False) as app, app.http() as client:
        app.lifecycle.report(Health(Phase.LOADING_WEIGHTS, 0.5))
        response = await client.post("/v1/chat/completions", json=CHAT)
        ready = await client.get("/health/ready")
        live = await client.get("/health/live")
    assert (response.status_code, error_of(response)["code"]) == (503, "engine_unavailable")
    assert 1 <= int(response.headers["retry-after"]) <= 120
    assert (ready.status_code, ready.json()["phase"], ready.json()["fraction"]) == (503, "loading weights", 0.5)
    assert live.status_code == 200


async def test_new_work_while_draining_is_refused_and_its_connection_closed(slow_app: LiveApp) -> None:
    slow_app.lifecycle.drain()
    async with slow_app.http() as client:
        response = await client.post("/v1/chat/completions", json=CHAT)
    assert (response.status_code, error_of(response)["code"]) == (503, "shutting_down")
    assert response.headers["connection"] == "close"
    assert response.headers["retry-after"]


async def test_an_engine_that_dies_in_mid_stream_ends_it_with_one_error_event(slow_app: LiveApp) -> None:
    body = {**CHAT, "stream": True, "ignore_eos": True, "max_tokens": 4000}
    async with slow_app.http() as client, client.stream("POST", "/v1/chat/completions", json=body) as response:
        lines = response.aiter_lines()
        await anext(lines)
        await slow_app.engine.aclose()
        rest = [line async for line in lines if line]
    assert json.loads(rest[-1].removeprefix("data: "))["error"]["code"] == "engine_unavailable"
    assert "data: [DONE]" not in rest


async def test_an_engine_that_dies_before_the_first_token_gives_a_real_status() -> None:
    async with live_app(settings(ttft_seconds=5)) as app, app.http() as client:
        asking = asyncio.create_task(client.post("/v1/chat/completions", json={**CHAT, "stream": True}))
        while not app.lifecycle.in_flight:
            await asyncio.sleep(0.01)
        await app.engine.aclose()
        assert (await asking).status_code == 503


class Broken(SimulatedEngine):
    """Fails where nobody expects it, with words that nobody outside may read."""

    async def render(self, prompt: Renderable) -> list[Prompt]:
        raise RuntimeError("hush-7f3a9c")


@pytest.mark.parametrize("stream", [True, False])
async def test_a_defect_of_ours_is_one_500_that_tells_nothing(stream: bool) -> None:
    chosen = settings()
    async with live_app(chosen, engine=Broken(chosen.engine, chosen.simulation)) as app, app.http() as client:
        failed = await client.post("/v1/chat/completions", json={**CHAT, "stream": stream})
        assert (failed.status_code, error_of(failed)["type"]) == (500, "server_error")
        assert error_of(failed)["code"] == "internal_error" and "hush" not in failed.text
        assert (await client.get("/v1/models")).status_code == 200
        assert app.lifecycle.in_flight == 0


async def test_a_permit_is_released_though_the_client_left_before_the_first_byte() -> None:
    """An ASGI middleware whose `send` awaits once: with a body generator, its `finally` would never have run."""
    async with live_app(settings(itl_seconds=0.005)) as app:
        body = json.dumps({**CHAT, "stream": True, "ignore_eos": True, "max_tokens": 4000}).encode()
        messages: list[Message] = [{"type": "http.request", "body": body}, {"type": "http.disconnect"}]

        async def receive() -> Message:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            await asyncio.sleep(0)

        await _call(app, receive, send)
        assert app.lifecycle.in_flight == 0


async def _call(app: LiveApp, receive: Receive, send: Send) -> None:
    from service.app import create_app

    asgi = create_app(settings(), app.engine, lifecycle=app.lifecycle, telemetry=app.telemetry)
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/chat/completions",
        "headers": [(b"content-type", b"application/json")],
        "query_string": b"",
    }
    async with asyncio.timeout(5):
        await asgi(scope, receive, send)
