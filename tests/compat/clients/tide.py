"""What all clients ask: a question, and a tool whose arguments a weak model can only get right. Greedy, and short."""

from typing import Any, Literal

import pydantic

QUESTION = "What is the capital of France?"
TIDE_QUESTION = "How high is the tide in Dover tomorrow?"
TIDE_ANSWER = "The tide in Dover is 6.1 metres high."
ENDLESS = {"max_tokens": 4000, "extra_body": {"ignore_eos": True}}
"""Longer than any timeout of these tests."""


class Tide(pydantic.BaseModel):
    """The height of the tide in a harbour."""

    model_config = pydantic.ConfigDict(extra="forbid")

    harbour: Literal["Brest", "Dover", "Cuxhaven"]
    day: Literal["today", "tomorrow"]


TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "Tide", "description": Tide.__doc__, "parameters": Tide.model_json_schema()},
}
NAMED: dict[str, Any] = {"type": "function", "function": {"name": "Tide"}}
