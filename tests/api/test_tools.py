"""Tools and reasoning over HTTP, judged by the official client; the engine is simulated and makes what is forced."""

from typing import Any

import pytest

from tests.api.live import MODEL, live_app, settings

ASKED: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "How high is the tide?"}],
    "tools": [{"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}],
}
ARGUMENTS = '{"harbour": "Brest"}'


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "tide"}}])
async def test_a_forced_call_whole_and_streamed(choice: Any) -> None:
    async with live_app(settings(tool_arguments=ARGUMENTS)) as app:
        whole = await app.client.chat.completions.create(**ASKED, tool_choice=choice)
        async with app.client.chat.completions.stream(**ASKED, tool_choice=choice) as stream:
            streamed = await stream.get_final_completion()
    for answer in (whole, streamed):
        (call,) = answer.choices[0].message.tool_calls or ()
        assert (call.type, call.function.name, call.function.arguments) == ("function", "tide", ARGUMENTS)
        assert answer.choices[0].finish_reason == "tool_calls"
        assert not answer.choices[0].message.content


async def test_the_older_form_gets_the_older_answer() -> None:
    functions = [ASKED["tools"][0]["function"]]
    asked = {"model": MODEL, "messages": ASKED["messages"], "functions": functions, "function_call": {"name": "tide"}}
    async with live_app(settings(tool_arguments=ARGUMENTS)) as app:
        answer = await app.client.chat.completions.create(**asked)
    message = answer.choices[0].message
    assert message.function_call is not None and message.function_call.arguments == ARGUMENTS
    assert (answer.choices[0].finish_reason, message.tool_calls) == ("function_call", None)


@pytest.mark.parametrize("stream", [False, True])
async def test_reasoning_is_apart_from_the_answer_and_counted(stream: bool) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": ASKED["messages"]}
    async with live_app(settings(text="It is low.", reasoning="Let me think.")) as app, app.http() as client:
        if stream:
            options = {"stream": True, "stream_options": {"include_usage": True}}
            chunks = [chunk async for chunk in await app.client.chat.completions.create(**asked, **options)]
            deltas = [chunk.choices[0].delta.model_dump() for chunk in chunks if chunk.choices]
            usage = chunks[-1].model_dump()["usage"]
        else:
            answer = (await client.post("/v1/chat/completions", json=asked)).json()
            deltas, usage = [answer["choices"][0]["message"]], answer["usage"]
    assert "".join(each.get("reasoning_content") or "" for each in deltas) == "Let me think."
    assert "".join(each.get("content") or "" for each in deltas) == "It is low."
    assert (usage["completion_tokens"], usage["completion_tokens_details"]["reasoning_tokens"]) == (6, 3)


async def test_reasoning_that_is_not_wanted_is_left_out() -> None:
    asked = {"model": MODEL, "messages": ASKED["messages"], "include_reasoning": False}
    async with live_app(settings(reasoning="Let me think.")) as app, app.http() as client:
        answer = (await client.post("/v1/chat/completions", json=asked)).json()
    assert set(answer["choices"][0]["message"]) == {"role", "content", "refusal"}
