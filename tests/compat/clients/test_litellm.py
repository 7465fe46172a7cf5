"""LiteLLM, by its providers for OpenAI-compatible servers and for vLLM."""

from typing import Any

import litellm
import pytest

from tests.compat.clients.tide import NAMED, QUESTION, TIDE_ANSWER, TIDE_QUESTION, TOOL, Tide

ASKED = [{"role": "user", "content": QUESTION}]
ASKED_TIDE = [{"role": "user", "content": TIDE_QUESTION}]


@pytest.fixture(params=["openai", "hosted_vllm"])
def to_us(request: pytest.FixtureRequest, base_url: str, model: str) -> dict[str, Any]:
    """The arguments that lead here."""
    there = {"api_base": base_url, "api_key": "none", "num_retries": 0, "max_retries": 0}
    return {**there, "model": f"{request.param}/{model}", "temperature": 0, "max_tokens": 64}


def test_a_stream_is_the_whole_answer(to_us: dict[str, Any]) -> None:
    whole = litellm.completion(**to_us, messages=ASKED)
    chunks = list(litellm.completion(**to_us, messages=ASKED, stream=True, stream_options={"include_usage": True}))
    streamed = litellm.stream_chunk_builder(chunks, messages=ASKED)
    assert whole.choices[0].message.content
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert streamed.usage.completion_tokens == whole.usage.completion_tokens > 0


@pytest.mark.parametrize("choice", ["required", NAMED])
async def test_a_forced_call_whole_and_streamed(to_us: dict[str, Any], choice: Any) -> None:
    forced = {"messages": ASKED_TIDE, "tools": [TOOL], "tool_choice": choice, "parallel_tool_calls": False}
    whole = await litellm.acompletion(**to_us, **forced)
    chunks = [chunk async for chunk in await litellm.acompletion(**to_us, **forced, stream=True)]
    for answer in (whole, litellm.stream_chunk_builder(chunks)):
        (call,) = answer.choices[0].message.tool_calls
        assert call.function.name == "Tide"
        Tide.model_validate_json(call.function.arguments)


def test_a_result_is_taken(to_us: dict[str, Any]) -> None:
    made = litellm.completion(**to_us, messages=ASKED_TIDE, tools=[TOOL], tool_choice=NAMED).choices[0].message
    result = {"role": "tool", "tool_call_id": made.tool_calls[0].id, "content": TIDE_ANSWER}
    messages = [*ASKED_TIDE, made.model_dump(), result]
    answer = litellm.completion(**to_us, messages=messages, tools=[TOOL], tool_choice="none")
    assert answer.choices[0].message.content


def test_a_text_is_continued(base_url: str, model: str) -> None:
    answer = litellm.text_completion(
        model=f"text-completion-openai/{model}", api_base=base_url, api_key="none", prompt="The sea", max_tokens=4
    )
    assert answer.choices[0].text


def test_errors_have_their_classes(to_us: dict[str, Any]) -> None:
    provider = to_us["model"].split("/")[0]
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(**{**to_us, "model": f"{provider}/gpt-99"}, messages=ASKED)
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**{**to_us, "temperature": 9}, messages=ASKED)
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion(**to_us, messages=[{"role": "user", "content": "Count the waves. " * 10_000}])


def test_a_timeout_is_the_clients_own(to_us: dict[str, Any]) -> None:
    endless = {"max_tokens": 4000, "extra_body": {"ignore_eos": True}, "timeout": 1}
    with pytest.raises(litellm.Timeout):
        litellm.completion(**{**to_us, **endless}, messages=ASKED)
