"""Structured outputs over HTTP, with an engine that writes the shortest text of the form."""

from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel

from tests.api.live import MODEL, LiveApp

MESSAGES = [{"role": "user", "content": "Tell me of the tide."}]


class Boat(BaseModel):
    name: str
    crew: int


class Harbour(BaseModel):
    tide: Literal["ebb", "flood"]
    depth: float | None
    boats: list[Boat]


async def test_the_official_client_parses_a_pydantic_model(app: LiveApp) -> None:
    answer = await app.client.chat.completions.parse(model=MODEL, messages=MESSAGES, response_format=Harbour)
    assert answer.choices[0].message.parsed == Harbour(tide="ebb", depth=0, boats=[])


async def test_the_official_client_parses_a_stream(app: LiveApp) -> None:
    async with app.client.chat.completions.stream(model=MODEL, messages=MESSAGES, response_format=Harbour) as stream:
        answer = await stream.get_final_completion()
    assert answer.choices[0].message.parsed == Harbour(tide="ebb", depth=0, boats=[])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fields",
    [
        {"structured_outputs": {"regex": "a" * 9000}},
        {"structured_outputs": {"choice": []}},
        {"structured_outputs": {"json": "{"}},
        {"structured_outputs": {"json": {"$ref": "http://example.com"}}},
    ],
)
async def test_a_form_over_a_limit_is_refused_with_a_status(app: LiveApp, fields: dict[str, Any], stream: bool) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await app.client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=stream, extra_body=fields)
    assert (refused.value.code, refused.value.param) == ("invalid_json_schema", "structured_outputs")


async def test_a_completion_is_one_of_the_choices(app: LiveApp) -> None:
    asked = {"structured_outputs": {"choice": ["slack water", "ebb"]}}
    answer = await app.client.completions.create(model=MODEL, prompt=["Now", "Then"], extra_body=asked)
    assert [choice.text for choice in answer.choices] == ["slack water"] * 2
