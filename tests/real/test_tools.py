"""Tool calls of the bundled model: forced ones always parse and fit their schema. The official client is the judge."""

import concurrent.futures
import json
import os
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pydantic
import pytest

from tests.real.conftest import MODEL
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

FORCED_CALLS = int(os.environ.get("FORCED_CALLS", "24"))
"""How many calls are forced; more take longer and show more."""


class Tide(pydantic.BaseModel):
    """The arguments of the tool."""

    model_config = pydantic.ConfigDict(extra="forbid")

    harbour: Literal["Brest", "Dover", "Cuxhaven"]
    day: Literal["today", "tomorrow"]
    metres: bool


TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "tide", "description": "The height of the tide.", "parameters": Tide.model_json_schema()},
}
OTHER: dict[str, Any] = {"type": "function", "function": {"name": "wind", "parameters": {"type": "object"}}}
NAMED: dict[str, Any] = {"type": "function", "function": {"name": "tide"}}
QUESTION = "How high is the tide in Dover tomorrow?"


@pytest.fixture(scope="module")
def service() -> Iterator[ServiceProcess]:
    """The bundled model with its own parser of calls."""
    with ServiceProcess() as running:
        yield running.wait_until_ready()


def ask(client: openai.OpenAI, question: str = QUESTION, **fields: Any) -> Any:
    """A chat with the tools on offer."""
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(
        **{"model": MODEL, "messages": messages, "tools": [TOOL], "max_tokens": 200, **fields}
    )


def test_every_forced_call_parses_and_fits_its_schema(client: openai.OpenAI) -> None:
    def force(number: int) -> Tide:
        choice = (NAMED, "required")[number % 2]
        answer = ask(client, f"{QUESTION} ({number})", tool_choice=choice, seed=number, parallel_tool_calls=False)
        (call,) = answer.choices[0].message.tool_calls
        assert (call.function.name, answer.choices[0].finish_reason) == ("tide", "tool_calls")
        return Tide.model_validate_json(call.function.arguments)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert len(list(pool.map(force, range(FORCED_CALLS)))) == FORCED_CALLS


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_a_streamed_call_is_the_whole_one(client: openai.OpenAI, choice: Any) -> None:
    fields = {"tool_choice": choice, "temperature": 0, "parallel_tool_calls": False}
    whole = ask(client, **fields).choices[0].message.tool_calls[0].function
    chunks = [chunk.choices[0] for chunk in ask(client, **fields, stream=True)]
    pieces = [call for chunk in chunks for call in chunk.delta.tool_calls or ()]
    assert [piece.function.name for piece in pieces if piece.id] == ["tide"]
    arguments = "".join(piece.function.arguments or "" for piece in pieces)
    assert json.loads(arguments) == json.loads(whole.arguments)
    assert len(pieces) > 3
    assert chunks[-1].finish_reason == "tool_calls"


def test_no_call_is_made_where_none_may_be(client: openai.OpenAI) -> None:
    answer = ask(client, "What is the capital of France?", tool_choice="none", temperature=0)
    assert answer.choices[0].message.tool_calls is None
    assert "Paris" in answer.choices[0].message.content


def test_a_model_that_may_call_may_also_answer(client: openai.OpenAI) -> None:
    answer = ask(client, "Say hello.", tool_choice="auto", temperature=0, max_tokens=60)
    message = answer.choices[0].message
    assert message.content or message.tool_calls


def test_n_choices_have_a_call_each(client: openai.OpenAI) -> None:
    answer = ask(client, tool_choice=NAMED, n=3, temperature=1.0, seed=1)
    names = [choice.message.tool_calls[0].function.name for choice in answer.choices]
    ids = {choice.message.tool_calls[0].id for choice in answer.choices}
    assert (names, len(ids)) == (["tide"] * 3, 3)


def test_the_named_one_of_two_tools_is_called(client: openai.OpenAI) -> None:
    answer = ask(client, tools=[OTHER, TOOL], tool_choice=NAMED)
    assert answer.choices[0].message.tool_calls[0].function.name == "tide"


def test_the_older_form_is_served_too(client: openai.OpenAI) -> None:
    fields = {"functions": [TOOL["function"]], "function_call": {"name": "tide"}, "tools": openai.omit}
    answer = ask(client, **fields)
    Tide.model_validate_json(answer.choices[0].message.function_call.arguments)
    assert answer.choices[0].finish_reason == "function_call"


def test_a_conversation_with_a_call_and_its_result_goes_on(client: openai.OpenAI) -> None:
    made = ask(client, tool_choice=NAMED, temperature=0).choices[0].message
    messages = [
        {"role": "user", "content": QUESTION},
        made.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": made.tool_calls[0].id, "content": "The tide in Dover is 6.1 metres high."},
    ]
    answer = ask(client, messages=messages, tool_choice="none", temperature=0)
    assert answer.choices[0].message.content
    told = client.chat.completions.create(model=MODEL, messages=messages[:1], max_tokens=1, temperature=0)
    assert answer.usage.prompt_tokens > told.usage.prompt_tokens + 30
