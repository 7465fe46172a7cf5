"""pydantic-ai: agents with output types, tools and histories."""

import pytest
from pydantic_ai import Agent, ModelAPIError, ModelHTTPError, ModelRequest, ModelResponse
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from tests.compat.clients.tide import QUESTION, TIDE_ANSWER, TIDE_QUESTION, Tide

GREEDY = ModelSettings(temperature=0, max_tokens=200, parallel_tool_calls=False)


@pytest.fixture
def provider(base_url: str) -> OpenAIProvider:
    return OpenAIProvider(base_url=base_url, api_key="none")


@pytest.fixture
def llm(model: str, provider: OpenAIProvider) -> OpenAIChatModel:
    return OpenAIChatModel(model, provider=provider, settings=GREEDY)


async def test_a_stream_is_the_whole_answer(llm: OpenAIChatModel) -> None:
    agent = Agent(llm, instructions="Answer in one sentence.")
    whole = await agent.run(QUESTION)
    async with agent.run_stream(QUESTION) as stream:
        streamed = [text async for text in stream.stream_text(delta=True)]
    assert "".join(streamed) == whole.output != ""
    assert whole.usage.output_tokens > 0


@pytest.fixture
def forced() -> ModelRequestParameters:
    """One tool, and no text beside its call."""
    tool = ToolDefinition(name="Tide", parameters_json_schema=Tide.model_json_schema())
    return ModelRequestParameters(function_tools=[tool], allow_text_output=False)


async def test_a_forced_call_whole_and_streamed(llm: OpenAIChatModel, forced: ModelRequestParameters) -> None:
    asked = [ModelRequest([UserPromptPart(TIDE_QUESTION)])]
    whole = await model_request(llm, asked, model_request_parameters=forced)
    async with model_request_stream(llm, asked, model_request_parameters=forced) as stream:
        assert [event async for event in stream]
        streamed = stream.response if hasattr(stream, "response") else stream.get()
    for answer in (whole, streamed):
        (call,) = answer.tool_calls
        assert call.tool_name == "Tide"
        Tide.model_validate(call.args_as_dict())


async def test_an_output_type_is_filled(llm: OpenAIChatModel) -> None:
    assert isinstance((await Agent(llm, output_type=Tide).run(TIDE_QUESTION)).output, Tide)


async def test_an_output_type_is_filled_bit_by_bit(llm: OpenAIChatModel) -> None:
    async with Agent(llm, output_type=Tide).run_stream(TIDE_QUESTION) as stream:
        seen = [partial async for partial in stream.stream_output()]
        assert isinstance(seen[-1], Tide)


async def test_one_of_two_output_types_is_filled(llm: OpenAIChatModel) -> None:
    class Wind(Tide):
        """The strength of the wind in a harbour."""

    assert isinstance((await Agent(llm, output_type=[Tide, Wind]).run(TIDE_QUESTION)).output, Tide)


async def test_a_result_is_taken(llm: OpenAIChatModel) -> None:
    call = ToolCallPart("tide", {"harbour": "Dover"})
    history = [
        ModelRequest([UserPromptPart(TIDE_QUESTION)]),
        ModelResponse([call]),
        ModelRequest([ToolReturnPart("tide", TIDE_ANSWER, call.tool_call_id)]),
    ]
    assert (await Agent(llm).run("Say it in other words.", message_history=history)).output


async def test_errors_keep_their_status(model: str, provider: OpenAIProvider) -> None:
    with pytest.raises(ModelHTTPError) as unknown:
        await Agent(OpenAIChatModel("gpt-99", provider=provider)).run(QUESTION)
    with pytest.raises(ModelHTTPError) as wrong:
        await Agent(OpenAIChatModel(model, provider=provider)).run(QUESTION, model_settings={"temperature": 9})
    assert (unknown.value.status_code, wrong.value.status_code) == (404, 400)


async def test_a_timeout_is_the_clients_own(llm: OpenAIChatModel) -> None:
    endless = ModelSettings(timeout=1, max_tokens=4000, extra_body={"ignore_eos": True})
    with pytest.raises(ModelAPIError, match="timed out"):
        await Agent(llm).run(QUESTION, model_settings=endless)
