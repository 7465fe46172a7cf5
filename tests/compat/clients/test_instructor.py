"""instructor, by tool calls."""

from collections.abc import Iterable
from typing import Any

import instructor
import openai
import pytest
from instructor.core import InstructorRetryException

from tests.compat.clients.tide import TIDE_QUESTION, Tide

ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": TIDE_QUESTION}], "temperature": 0, "max_tokens": 200}


@pytest.fixture
def client(base_url: str) -> instructor.Instructor:
    official = openai.OpenAI(base_url=base_url, api_key="none", max_retries=0)
    return instructor.from_openai(official, mode=instructor.Mode.TOOLS)


def test_a_model_is_filled(client: instructor.Instructor, model: str) -> None:
    tide, completion = client.create_with_completion(model=model, response_model=Tide, max_retries=0, **ASKED)
    assert isinstance(tide, Tide)
    assert completion.usage.completion_tokens > 0


async def test_a_model_is_filled_asynchronously(base_url: str, model: str) -> None:
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as official:
        client = instructor.from_openai(official, mode=instructor.Mode.TOOLS)
        assert isinstance(await client.create(model=model, response_model=Tide, max_retries=0, **ASKED), Tide)


def test_a_model_is_filled_bit_by_bit(client: instructor.Instructor, model: str) -> None:
    *_, last = client.create_partial(model=model, response_model=Tide, max_retries=0, **ASKED)
    Tide.model_validate(last.model_dump())


def test_several_models_are_streamed(client: instructor.Instructor, model: str) -> None:
    found = client.create(model=model, response_model=Iterable[Tide], stream=True, max_retries=0, **ASKED)
    assert isinstance(next(iter(found)), Tide)


def test_errors_keep_their_cause(client: instructor.Instructor, model: str) -> None:
    for wrong, expected in (({"model": "gpt-99"}, openai.NotFoundError), ({"top_p": 9}, openai.BadRequestError)):
        with pytest.raises((InstructorRetryException, expected)) as failed:
            client.create(**{"model": model, "response_model": Tide, "max_retries": 0, **ASKED, **wrong})
        causes = [
            failed.value,
            failed.value.__cause__,
            *(each.exception for each in failed.value.failed_attempts or []),
        ]
        assert any(isinstance(cause, expected) for cause in causes)
