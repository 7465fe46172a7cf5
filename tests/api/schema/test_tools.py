"""Tools, as they are offered and chosen."""

from typing import Any

import pytest

from service.engine.requests import ToolUse
from tests.api.schema.bodies import chat, refused_chat

TIDE = {"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}
WIND = {"type": "function", "function": {"name": "wind", "description": "How it blows."}}
TOOLS = [TIDE, WIND]


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def allowed(mode: str, *names: str) -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [named(name) for name in names]}}


@pytest.mark.parametrize(
    ("fields", "use"),
    [
        ({}, None),
        ({"tools": []}, None),
        ({"tools": None, "tool_choice": None}, None),
        ({"tools": TOOLS, "tool_choice": "none"}, None),
        ({"tools": TOOLS}, ToolUse(tools=TOOLS)),
        ({"tools": TOOLS, "tool_choice": "auto"}, ToolUse(tools=TOOLS)),
        ({"tools": TOOLS, "parallel_tool_calls": False}, ToolUse(tools=TOOLS, parallel=False)),
        ({"tools": TOOLS, "tool_choice": "required"}, ToolUse(tools=TOOLS, choice="required")),
        (
            {"tools": TOOLS, "tool_choice": named("wind")},
            ToolUse(tools=[WIND], choice="required", name="wind", parallel=False),
        ),
        ({"tools": TOOLS, "tool_choice": allowed("auto", "wind")}, ToolUse(tools=[WIND])),
        ({"tools": TOOLS, "tool_choice": allowed("required", "tide")}, ToolUse(tools=[TIDE], choice="required")),
        ({"functions": [TIDE["function"]]}, ToolUse(tools=[TIDE], parallel=False)),
        (
            {"functions": [TIDE["function"]], "function_call": {"name": "tide"}},
            ToolUse(tools=[TIDE], choice="required", name="tide", parallel=False),
        ),
        ({"functions": [TIDE["function"]], "function_call": "none"}, None),
    ],
)
def test_what_may_and_what_must_be_called(fields: dict[str, Any], use: ToolUse | None) -> None:
    request = chat(**fields)
    assert request.chat_output.tool_use == use
    assert request.to_prompt().tools == (use.tools if use else None)


REFUSED: list[tuple[Any, ...]] = [
    ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "unknown_parameter", "tools[0].custom"),
    ({"tools": [{**TIDE, "type": "retrieval"}]}, "invalid_value", "tools[0].type"),
    ({"tools": [TIDE] * 129}, "array_above_max_length", "tools"),
    ({"tools": [TIDE, TIDE]}, "invalid_value", "tools[1].function.name"),
    ({"tools": [named("a b")]}, "invalid_value", "tools[0].function.name"),
    ({"tools": [named("x" * 65)]}, "invalid_value", "tools[0].function.name"),
    (
        {"tools": [{"type": "function", "function": {"name": "x", "description": "x" * 1_000_000}}]},
        "string_above_max_length",
        "tools[0].function.description",
    ),
    ({"tools": TOOLS, "tool_choice": "sometimes"}, "invalid_value", "tool_choice"),
    ({"tools": TOOLS, "tool_choice": 1}, "invalid_type", "tool_choice"),
    ({"tools": TOOLS, "tool_choice": named("rain")}, "invalid_value", "tool_choice"),
    ({"tools": TOOLS, "tool_choice": {"type": "function"}}, "missing_required_parameter", "tool_choice.function"),
    ({"tool_choice": "auto"}, "invalid_value", "tool_choice"),
    ({"tools": [], "tool_choice": "required"}, "invalid_value", "tool_choice"),
    ({"function_call": "auto"}, "invalid_value", "function_call"),
    ({"tools": TOOLS, "functions": [TIDE["function"]]}, "invalid_value", "functions"),
]


@pytest.mark.parametrize(("fields", "code", "param"), REFUSED)
def test_what_is_refused(fields: dict[str, Any], code: str, param: str) -> None:
    got, where, message = refused_chat(**fields)
    assert (got, where) == (code, param), message


def test_a_name_that_cannot_be_one_is_told_what_can() -> None:
    message = refused_chat(tools=[named("a b")])[2]
    assert message == (
        "Invalid 'tools[0].function.name': expected a string that matches ^[a-zA-Z0-9_-]{1,64}$, but got 'a b' instead."
    )
