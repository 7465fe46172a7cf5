"""The official client. An older release than the one that `make test` uses throughout: other clients pin it."""

from typing import Any

import openai
import pytest

from tests.compat.clients.tide import ENDLESS, NAMED, QUESTION, TIDE_ANSWER, TIDE_QUESTION, TOOL, Tide

ASKED: list[Any] = [{"role": "user", "content": QUESTION}]
ASKED_TIDE: list[Any] = [{"role": "user", "content": TIDE_QUESTION}]


@pytest.fixture
def client(base_url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=base_url, api_key="none", max_retries=0)


def test_models_are_listed(client: openai.OpenAI, model: str) -> None:
    assert [each.id for each in client.models.list()] == [model]


def test_a_stream_is_the_whole_answer(client: openai.OpenAI, model: str) -> None:
    asked: dict[str, Any] = {"model": model, "messages": ASKED, "temperature": 0, "max_tokens": 16}
    whole = client.chat.completions.create(**asked)
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        streamed = stream.get_final_completion()
    assert whole.choices[0].message.content
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert streamed.usage is not None and whole.usage is not None
    assert streamed.usage.completion_tokens == whole.usage.completion_tokens > 0


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_a_forced_call_whole_and_streamed(client: openai.OpenAI, model: str, choice: Any) -> None:
    asked: dict[str, Any] = {"model": model, "messages": ASKED_TIDE, "tools": [TOOL], "temperature": 0}
    asked |= {"tool_choice": choice, "parallel_tool_calls": False}
    whole = client.chat.completions.create(**asked)
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion()
    for answer in (whole, streamed):
        (call,) = answer.choices[0].message.tool_calls or ()
        assert call.function.name == "Tide"
        Tide.model_validate_json(call.function.arguments)


async def test_a_result_is_taken(base_url: str, model: str) -> None:
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none") as client:
        asked: dict[str, Any] = {"model": model, "tools": [TOOL], "temperature": 0, "max_tokens": 64}
        made = await client.chat.completions.create(**asked, messages=ASKED_TIDE, tool_choice=NAMED)
        message = made.choices[0].message
        (call,) = message.tool_calls or ()
        result = {"role": "tool", "tool_call_id": call.id, "content": TIDE_ANSWER}
        answer = await client.chat.completions.create(
            **asked, messages=[*ASKED_TIDE, message, result], tool_choice="none"
        )
    assert answer.choices[0].message.content


def test_errors_have_their_classes(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-99", messages=ASKED)
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=model, messages=ASKED, temperature=9)


def test_a_timeout_is_the_clients_own(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model=model, messages=ASKED, timeout=1, **ENDLESS)
