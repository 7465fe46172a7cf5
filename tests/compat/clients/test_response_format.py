"""`response_format`, by every Python client that sends one."""

from typing import Any

import instructor
import litellm
import openai
import pytest
from langchain_openai import ChatOpenAI
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.compat.clients.tide import TIDE_QUESTION, Tide

ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": TIDE_QUESTION}], "temperature": 0, "max_tokens": 200}


@pytest.fixture
def official(base_url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=base_url, api_key="none", max_retries=0)


def test_the_official_client_parses(official: openai.OpenAI, model: str) -> None:
    asked = {"model": model, "response_format": Tide, **ASKED}
    assert isinstance(official.chat.completions.parse(**asked).choices[0].message.parsed, Tide)
    with official.chat.completions.stream(**asked) as stream:
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Tide)


@pytest.mark.parametrize("strict", [None, True, False])
def test_langchain_fills_a_model(base_url: str, model: str, strict: bool | None) -> None:
    llm = ChatOpenAI(base_url=base_url, api_key="none", model=model, temperature=0, max_retries=0)
    structured = llm.with_structured_output(Tide, method="json_schema", strict=strict)
    assert isinstance(structured.invoke(TIDE_QUESTION), Tide)


@pytest.mark.parametrize("provider", ["openai", "hosted_vllm"])
def test_litellm_sends_a_model(base_url: str, model: str, provider: str) -> None:
    there = {"model": f"{provider}/{model}", "api_base": base_url, "api_key": "none", "max_retries": 0}
    answer = litellm.completion(**there, **ASKED, response_format=Tide)
    Tide.model_validate_json(answer.choices[0].message.content)


def test_instructor_fills_a_model(official: openai.OpenAI, model: str) -> None:
    client = instructor.from_openai(official, mode=instructor.Mode.JSON_SCHEMA)
    assert isinstance(client.create(model=model, response_model=Tide, max_retries=0, **ASKED), Tide)


async def test_pydantic_ai_fills_a_native_output(base_url: str, model: str) -> None:
    llm = OpenAIChatModel(model, provider=OpenAIProvider(base_url=base_url, api_key="none"))
    agent = Agent(llm, output_type=NativeOutput(Tide), model_settings={"temperature": 0, "max_tokens": 200})
    assert isinstance((await agent.run(TIDE_QUESTION)).output, Tide)
    async with agent.run_stream(TIDE_QUESTION) as stream:
        assert isinstance(await stream.get_output(), Tide)
