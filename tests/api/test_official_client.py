"""What of the official client the other tests leave out: its helpers, raw responses, retries, its synchronous form."""

import asyncio
import time

import httpx
import openai
import pytest

from service.lifecycle import Lifecycle
from tests.api.live import MODEL, LiveApp, live_app, settings

TEXT = "The tide comes in, the tide goes out."
MESSAGES = [{"role": "user", "content": "Tell me of the tide."}]


async def test_the_synchronous_client_is_served(app: LiveApp) -> None:
    def ask() -> tuple[str | None, str]:
        with openai.OpenAI(base_url=app.url + "/v1", api_key="none", max_retries=0) as client:
            whole = client.chat.completions.create(model=MODEL, messages=MESSAGES)
            with client.chat.completions.stream(model=MODEL, messages=MESSAGES) as stream:
                streamed = "".join(event.delta for event in stream if event.type == "content.delta")
        return whole.choices[0].message.content, streamed

    assert await asyncio.to_thread(ask) == (TEXT, TEXT)


async def test_its_stream_helper_tells_of_every_piece_and_puts_them_together(app: LiveApp) -> None:
    options = {"include_usage": True}
    async with app.client.chat.completions.stream(model=MODEL, messages=MESSAGES, stream_options=options) as stream:
        kinds = {event.type async for event in stream}
        answer = await stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert answer.choices[0].message.content == TEXT
    assert answer.usage is not None and answer.usage.completion_tokens == 8


async def test_its_stream_helper_tells_of_logprobs(app: LiveApp) -> None:
    asked = app.client.chat.completions.stream(model=MODEL, messages=MESSAGES, logprobs=True)
    async with asked as stream:
        done = [event async for event in stream if event.type == "logprobs.content.done"]
    assert "".join(token.token for token in done[0].content) == TEXT


async def test_a_raw_response_has_the_request_id_that_the_parsed_one_has(app: LiveApp) -> None:
    raw = await app.client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES)
    assert raw.parse()._request_id == raw.headers["x-request-id"] == raw.request_id
    assert raw.parse().choices[0].message.content == TEXT


async def test_a_raw_stream_has_a_request_id_too(app: LiveApp) -> None:
    asked = app.client.chat.completions.with_streaming_response.create(model=MODEL, messages=MESSAGES, stream=True)
    async with asked as response:
        lines = [line async for line in response.iter_lines() if line]
    assert response.headers["x-request-id"]
    assert lines[-1] == "data: [DONE]"


async def test_an_error_has_the_request_id(app: LiveApp) -> None:
    headers = {"x-request-id": "look-for-me"}
    with pytest.raises(openai.NotFoundError) as refused:
        await app.client.models.retrieve("gpt-99", extra_headers=headers)
    error = refused.value
    assert (error.request_id, error.code, error.type) == ("look-for-me", "model_not_found", "invalid_request_error")


async def test_its_retries_wait_as_long_as_they_are_told_and_get_through() -> None:
    """The engine is ready as soon as the first refusal is out; without Retry-After the client would wait 0.5 s."""
    async with live_app(settings(), lifecycle=Lifecycle(expected_start_seconds=0), start=False) as app:
        answers: list[tuple[int, str | None, float]] = []

        async def note(response: httpx.Response) -> None:
            answers.append((response.status_code, response.headers.get("retry-after"), time.monotonic()))
            if not app.lifecycle.ready:
                app.lifecycle.started(await app.engine.start(app.lifecycle.report))

        http = openai.DefaultAsyncHttpxClient(event_hooks={"response": [note]})
        async with app.client.with_options(max_retries=1, http_client=http) as client:
            await client.completions.create(model=MODEL, prompt="Once", max_tokens=1)
    (refused, told, began), (answered, _, ended) = answers
    assert (refused, answered, told) == (503, 200, "2")
    assert ended - began >= 2


async def test_a_closed_stream_frees_the_engine(slow_app: LiveApp) -> None:
    endless = {"ignore_eos": True, "max_tokens": 4000}
    stream = await slow_app.client.chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True, extra_body=endless
    )
    await anext(aiter(stream))
    await stream.close()
    async with asyncio.timeout(1):
        while slow_app.lifecycle.in_flight:
            await asyncio.sleep(0.01)
