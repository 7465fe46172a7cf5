"""Whose fault it is that the engine ended a request."""

from typing import Any

import pytest

from service.engine.ended import ended_by_engine
from service.engine.prompts import Prompt
from service.engine.requests import ChatOutput, GenerationRequest, Sampling, StructuredOutput, ToolUse

FORM = StructuredOutput(regex="a")
TOOLS = ChatOutput(tool_use=ToolUse(tools=[], choice="required"))


def ended(reason: str = "error", chat: ChatOutput | None = None, **sampling: Any) -> tuple[int, str | None]:
    """Status and param."""
    request = GenerationRequest(
        id="x", prompt=Prompt(token_ids=[1]), sampling=Sampling(max_tokens=9, **sampling), chat=chat
    )
    error = ended_by_engine(request, reason)
    return error.status, error.param


@pytest.mark.parametrize("form", [{"structured": FORM}, {"chat": TOOLS}])
def test_who_takes_from_a_form_what_it_needs_is_told(form: dict[str, Any]) -> None:
    assert ended(**form, bad_words=["a"]) == (400, "bad_words")
    assert ended(**form, min_tokens=3, stop_token_ids=[81]) == (400, "min_tokens")


@pytest.mark.parametrize(
    "asked", [{}, {"structured": FORM}, {"bad_words": ["a"]}, {"reason": "abort", "structured": FORM, "min_tokens": 3}]
)
def test_everything_else_is_our_fault(asked: dict[str, Any]) -> None:
    assert ended(**asked) == (500, None)
