"""Which bodies /tokenize and /detokenize take, and what the others are told."""

import json
from typing import Any

import pytest

from service.api.schema import DetokenizeRequest, TokenizeRequest, parse
from service.api.schema.tokenization import MAX_DETOKENIZED
from service.engine.prompts import ChatPrompt, TextPrompts
from service.errors import InvalidRequestError
from tests.api.schema.bodies import USER, chat

TOOL = {"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}


def tokenize(**fields: Any) -> TokenizeRequest:
    return parse(TokenizeRequest, json.dumps(fields).encode())


def refused(**fields: Any) -> tuple[str | None, str | None]:
    with pytest.raises(InvalidRequestError) as refusal:
        tokenize(**fields)
    return refusal.value.code, refusal.value.param


def test_special_tokens_are_added_unless_they_are_declined() -> None:
    asked = [tokenize(prompt="a").to_prompt(), tokenize(prompt="a", add_special_tokens=False).to_prompt()]
    assert [each.add_special_tokens for each in asked if isinstance(each, TextPrompts)] == [True, False]


def test_a_conversation_may_be_left_open() -> None:
    prompt = tokenize(messages=[USER], continue_final_message=True, return_token_strs=True).to_prompt()
    assert isinstance(prompt, ChatPrompt)
    assert (prompt.add_generation_prompt, prompt.continue_final_message) == (False, True)
    assert prompt.want_token_strings and prompt.unlimited


def test_tools_and_switches_are_rendered_as_for_a_chat() -> None:
    asked = {"messages": [USER], "tools": [TOOL], "chat_template_kwargs": {"enable_thinking": False}}
    counted, chatted = tokenize(**asked).to_prompt(), chat(**asked).to_prompt()
    assert isinstance(counted, ChatPrompt)
    assert (counted.messages, counted.tools, counted.template_kwargs) == (
        chatted.messages,
        chatted.tools,
        chatted.template_kwargs,
    )


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({}, "missing_required_parameter", "prompt"),
        ({"prompt": "a", "messages": [USER]}, "invalid_value", "messages"),
        ({"prompt": ["a"]}, "invalid_type", "prompt"),
        ({"messages": []}, "empty_array", "messages"),
        ({"prompt": "a", "add_generation_prompt": True}, "invalid_value", "add_generation_prompt"),
        ({"messages": [USER], "add_special_tokens": True}, "unsupported_value", "add_special_tokens"),
        (
            {"messages": [USER], "continue_final_message": True, "add_generation_prompt": True},
            "invalid_value",
            "continue_final_message",
        ),
        ({"messages": [USER], "tools": [{}]}, "missing_required_parameter", "tools[0].type"),
        ({"prompt": "a", "tools": []}, "invalid_value", "tools"),
        ({"messages": [USER], "chat_template_kwargs": {"x": 1}}, "unknown_parameter", "chat_template_kwargs.x"),
        ({"messages": [USER], "chat_template": "x"}, "unknown_parameter", "chat_template"),
        ({"prompt": "a", "temperature": 1}, "unknown_parameter", "temperature"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], code: str, param: str) -> None:
    assert refused(**fields) == (code, param)


@pytest.mark.parametrize("tokens", [[-1], [1.0], [True], ["1"], [[1]], [2**31], None])
def test_tokens_are_token_ids(tokens: Any) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        parse(DetokenizeRequest, json.dumps({"tokens": tokens}).encode())
    assert (refusal.value.param or "").startswith("tokens")


def test_too_many_tokens_are_refused_before_any_of_them_is_looked_at() -> None:
    """The answer is about their number, though not one of them is a token id."""
    with pytest.raises(InvalidRequestError) as refusal:
        parse(DetokenizeRequest, json.dumps({"tokens": ["x"] * (MAX_DETOKENIZED + 1)}).encode())
    assert (refusal.value.code, refusal.value.param) == ("array_above_max_length", "tokens")
    assert len(parse(DetokenizeRequest, json.dumps({"tokens": [7] * MAX_DETOKENIZED}).encode()).tokens) == 262_144
