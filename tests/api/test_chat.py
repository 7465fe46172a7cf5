"""POST /v1/chat/completions, judged by the official client."""

import asyncio

import openai
import pytest

from tests.api.live import MODEL, LiveApp

TEXT = "The tide comes in, the tide goes out."
MESSAGES = [{"role": "user", "content": "Tell me of the tide."}]


async def test_a_whole_answer_has_text_reason_and_usage(app: LiveApp) -> None:
    answer = await app.client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


async def test_a_stream_has_the_same_text_as_the_whole_answer(app: LiveApp) -> None:
    stream = await app.client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len({chunk.id for chunk in chunks}) == 1


async def test_usage_comes_last_in_a_stream_that_asks_for_it(app: LiveApp) -> None:
    stream = await app.client.chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 8
    assert all(chunk.usage is None for chunk in chunks[:-1])


@pytest.mark.parametrize("stream", [False, True])
async def test_n_choices_come_under_their_indices(app: LiveApp, stream: bool) -> None:
    answer = await app.client.chat.completions.create(model=MODEL, messages=MESSAGES, n=3, stream=stream)
    texts = ["", "", ""]
    if isinstance(answer, openai.AsyncStream):
        async for chunk in answer:
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
    else:
        texts = [choice.message.content or "" for choice in answer.choices]
    assert texts == [TEXT] * 3


async def test_logprobs_describe_every_token(app: LiveApp) -> None:
    answer = await app.client.chat.completions.create(model=MODEL, messages=MESSAGES, logprobs=True, top_logprobs=2)
    assert answer.choices[0].logprobs is not None
    content = answer.choices[0].logprobs.content or []
    assert "".join(each.token for each in content) == TEXT
    assert all(bytes(each.bytes or ()).decode() == each.token for each in content)
    assert all(len(each.top_logprobs) == 2 for each in content)


async def test_a_stop_string_ends_the_answer(app: LiveApp) -> None:
    answer = await app.client.chat.completions.create(model=MODEL, messages=MESSAGES, stop=[", the"])
    assert answer.choices[0].message.content == "The tide comes in"


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
async def test_the_output_limit_cuts_the_answer(app: LiveApp, limit: str) -> None:
    answer = await app.client.chat.completions.create(model=MODEL, messages=MESSAGES, extra_body={limit: 2})
    assert answer.choices[0].message.content == "The tide"
    assert answer.choices[0].finish_reason == "length"


async def test_prompt_and_output_beyond_the_context_are_refused_with_both_figures(app: LiveApp) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await app.client.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=8190)
    assert refused.value.code == "context_length_exceeded"
    assert "8190" in refused.value.message and "8192" in refused.value.message


async def test_an_unknown_model_is_not_found(app: LiveApp) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        await app.client.chat.completions.create(model="gpt-99", messages=MESSAGES)
    assert refused.value.code == "model_not_found"


async def test_a_client_that_leaves_a_stream_frees_the_engine(slow_app: LiveApp) -> None:
    body = {"model": MODEL, "messages": MESSAGES, "stream": True, "ignore_eos": True, "max_tokens": 4000}
    async with slow_app.http() as client, client.stream("POST", "/v1/chat/completions", json=body) as response:
        await anext(response.aiter_bytes())
        assert slow_app.lifecycle.in_flight == 1
    await _nothing_runs(slow_app)


async def test_a_client_that_leaves_a_whole_answer_frees_the_engine(slow_app: LiveApp) -> None:
    body = {"model": MODEL, "messages": MESSAGES, "ignore_eos": True, "max_tokens": 4000}
    async with slow_app.http() as client:
        asking = asyncio.create_task(client.post("/v1/chat/completions", json=body))
        async with asyncio.timeout(2):
            while not slow_app.lifecycle.in_flight:
                await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await _nothing_runs(slow_app)


async def _nothing_runs(app: LiveApp) -> None:
    idle = b'num_requests_running{model_name="sim"} 0.0'
    async with asyncio.timeout(1):
        while app.lifecycle.in_flight or idle not in await app.engine.metrics():
            await asyncio.sleep(0.01)
