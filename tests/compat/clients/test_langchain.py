"""LangChain: `ChatOpenAI`."""

from typing import Any

import openai
import pytest
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from tests.compat.clients.tide import ENDLESS, QUESTION, TIDE_ANSWER, TIDE_QUESTION, Tide


def chat(base_url: str, model: str, **fields: Any) -> ChatOpenAI:
    """A client as its documentation makes one."""
    asked = {"temperature": 0, "max_tokens": 64, "max_retries": 0, **fields}
    return ChatOpenAI(base_url=base_url, api_key="none", model=model, **asked)


@pytest.fixture
def llm(base_url: str, model: str) -> ChatOpenAI:
    return chat(base_url, model)


def test_a_stream_is_the_whole_answer(llm: ChatOpenAI) -> None:
    whole = llm.invoke(QUESTION)
    chunks = list(llm.stream(QUESTION, stream_usage=True))
    assert isinstance(whole, AIMessage) and whole.content
    assert "".join(str(chunk.content) for chunk in chunks) == whole.content
    counted = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert whole.usage_metadata is not None
    assert counted[-1]["output_tokens"] == whole.usage_metadata["output_tokens"] > 0


async def test_a_batch_is_answered(llm: ChatOpenAI) -> None:
    answers = await llm.abatch([QUESTION, TIDE_QUESTION, QUESTION])
    assert all(answer.content for answer in answers)


@pytest.mark.parametrize("choice", ["any", "Tide"])
def test_a_forced_call_whole_and_streamed(llm: ChatOpenAI, choice: str) -> None:
    bound = llm.bind_tools([Tide], tool_choice=choice, parallel_tool_calls=False)
    chunks = list(bound.stream(TIDE_QUESTION))
    streamed = chunks[0]
    for chunk in chunks[1:]:
        streamed += chunk
    for message in (bound.invoke(TIDE_QUESTION), streamed):
        (call,) = message.tool_calls
        assert call["name"] == "Tide"
        Tide.model_validate(call["args"])


def test_a_result_is_taken(llm: ChatOpenAI) -> None:
    made = llm.bind_tools([Tide], tool_choice="Tide").invoke(TIDE_QUESTION)
    result = ToolMessage(TIDE_ANSWER, tool_call_id=made.tool_calls[0]["id"])
    answer = llm.bind_tools([Tide], tool_choice="none").invoke([HumanMessage(TIDE_QUESTION), made, result])
    assert answer.content and not answer.tool_calls


def test_structured_output_by_a_call(llm: ChatOpenAI) -> None:
    structured = llm.with_structured_output(Tide, method="function_calling")
    assert isinstance(structured.invoke(TIDE_QUESTION), Tide)


def test_errors_have_their_classes(llm: ChatOpenAI, base_url: str, model: str) -> None:
    with pytest.raises(openai.NotFoundError):
        chat(base_url, "gpt-99").invoke(QUESTION)
    with pytest.raises(openai.BadRequestError):
        chat(base_url, model, temperature=9).invoke(QUESTION)
    with pytest.raises(ContextOverflowError):
        llm.invoke("Count the waves. " * 10_000)


def test_a_timeout_is_the_clients_own(base_url: str, model: str) -> None:
    with pytest.raises(openai.APITimeoutError):
        chat(base_url, model, timeout=1, **ENDLESS).invoke(QUESTION)
