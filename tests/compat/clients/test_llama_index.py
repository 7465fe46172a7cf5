"""LlamaIndex: `OpenAILike`."""

from typing import Any

import openai
import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

from tests.compat.clients.tide import NAMED, QUESTION, TIDE_ANSWER, TIDE_QUESTION, Tide

TOOL = FunctionTool.from_defaults(lambda harbour, day: TIDE_ANSWER, name="Tide", fn_schema=Tide)


def like(base_url: str, model: str, **fields: Any) -> OpenAILike:
    """A client as its documentation makes one."""
    asked = {"temperature": 0, "max_tokens": 64, "max_retries": 0, "is_chat_model": True, **fields}
    return OpenAILike(api_base=base_url, api_key="none", model=model, is_function_calling_model=True, **asked)


@pytest.fixture
def llm(base_url: str, model: str) -> OpenAILike:
    return like(base_url, model)


def test_a_stream_is_the_whole_answer(llm: OpenAILike) -> None:
    asked = [ChatMessage(role="user", content=QUESTION)]
    whole = llm.chat(asked)
    *_, last = llm.stream_chat(asked)
    assert whole.message.content
    assert last.message.content == whole.message.content
    assert whole.additional_kwargs["completion_tokens"] > 0


async def test_a_text_is_continued(base_url: str, model: str) -> None:
    llm = like(base_url, model, is_chat_model=False)
    whole = await llm.acomplete("The capital of France is")
    *_, last = [part async for part in await llm.astream_complete("The capital of France is")]
    assert whole.text and last.text == whole.text


@pytest.mark.parametrize("choice", [{"tool_required": True}, {"tool_choice": NAMED}])
def test_a_forced_call_whole_and_streamed(llm: OpenAILike, choice: dict[str, Any]) -> None:
    asked = {"user_msg": TIDE_QUESTION, "allow_parallel_tool_calls": False, **choice}
    *_, streamed = llm.stream_chat_with_tools([TOOL], **asked)
    for answer in (llm.chat_with_tools([TOOL], **asked), streamed):
        (call,) = llm.get_tool_calls_from_response(answer)
        assert call.tool_name == "Tide"
        Tide.model_validate(call.tool_kwargs)


def test_a_result_is_taken(llm: OpenAILike) -> None:
    asked = ChatMessage(role="user", content=TIDE_QUESTION)
    made = llm.chat_with_tools([TOOL], chat_history=[asked], tool_required=True)
    (call, *_) = llm.get_tool_calls_from_response(made)
    result = ChatMessage(role="tool", content=TIDE_ANSWER, additional_kwargs={"tool_call_id": call.tool_id})
    assert llm.chat([asked, made.message, result]).message.content


def test_structured_output_by_a_call(llm: OpenAILike) -> None:
    prompt = PromptTemplate("How high is the tide in {harbour}?")
    assert isinstance(llm.structured_predict(Tide, prompt, harbour="Dover"), Tide)


def test_errors_have_their_classes(base_url: str, model: str) -> None:
    with pytest.raises(openai.NotFoundError):
        like(base_url, "gpt-99").complete(QUESTION)
    with pytest.raises(openai.BadRequestError):
        like(base_url, model, additional_kwargs={"top_p": 9}).complete(QUESTION)


def test_a_timeout_is_the_clients_own(base_url: str, model: str) -> None:
    endless = {"extra_body": {"ignore_eos": True}}
    llm = like(base_url, model, timeout=1, max_tokens=4000, additional_kwargs=endless)
    with pytest.raises(openai.APITimeoutError):
        llm.complete(QUESTION)
