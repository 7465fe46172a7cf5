"""Requests of every kind, by name, whose answers differ in their members."""

from typing import Any

import httpx

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
MESSAGES = [{"role": "user", "content": "Tell me of the tide."}]
TOOL = {"type": "function", "function": {"name": "tide", "parameters": {"type": "object", "properties": {}}}}
FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {}}}}

CHATS: dict[str, dict[str, Any]] = {
    "plain": {},
    "several": {"n": 3},
    "logprobs": {"logprobs": True, "top_logprobs": 3},
    "logprobs alone": {"logprobs": True},
    "usage": {"stream_options": {"include_usage": True}},
    "obfuscation": {"stream_options": {"include_obfuscation": True}},
    "stopped": {"stop": ["tide"]},
    "cut off": {"max_tokens": 2},
    "no reasoning": {"include_reasoning": False},
    "tools that may be called": {"tools": [TOOL]},
    "a tool that must be called": {"tools": [TOOL], "tool_choice": "required"},
    "a named tool": {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "tide"}}},
    "a call with logprobs": {"tools": [TOOL], "tool_choice": "required", "logprobs": True},
    "functions": {"functions": [TOOL["function"]], "function_call": {"name": "tide"}},
    "an object": {"response_format": {"type": "json_object"}},
    "a schema": {"response_format": FORM},
    "a choice": {"structured_outputs": {"choice": ["ebb", "flood"]}},
    "continued": {"messages": [*MESSAGES, {"role": "assistant", "content": "The"}], "continue_final_message": True},
    "no effect": {"store": True, "metadata": {"a": "b"}, "service_tier": "auto", "user": "me"},
}
TEXTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "several": {"n": 2, "prompt": ["Once", "Twice"]},
    "tokens": {"prompt": [[1, 2], [3]]},
    "logprobs": {"logprobs": 2},
    "logprobs alone": {"logprobs": 0},
    "usage": {"stream_options": {"include_usage": True}},
    "obfuscation": {"stream_options": {"include_obfuscation": True}},
    "echo": {"echo": True},
    "echo with logprobs": {"echo": True, "logprobs": 1},
    "echo alone": {"echo": True, "logprobs": 1, "max_tokens": 0},
    "no suffix": {"suffix": ""},
    "stopped": {"stop": "tide"},
    "cut off": {"max_tokens": 2},
}


def body(model: str, path: str, **fields: Any) -> dict[str, Any]:
    """A request for this path."""
    given = {"messages": MESSAGES} if path == CHAT else {"prompt": "Once"}
    without = () if fields.get("stream") else ("stream_options",)
    return {"model": model, **given, **{name: value for name, value in fields.items() if name not in without}}


def events(response: httpx.Response) -> list[str]:
    """Those before `[DONE]`, of which there must be some."""
    assert response.status_code == 200, response.text
    *told, done, rest = response.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "") and told
    return [event.removeprefix("data: ") for event in told]
