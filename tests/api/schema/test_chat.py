"""Chat requests: messages, roles, content, and what is asked of the output."""

from typing import Any

import pytest

from tests.api.schema.bodies import USER, chat, refused_chat

CALL = {"id": "call_1", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
TEXT = {"type": "text", "text": "Hello"}


@pytest.mark.parametrize(
    ("messages", "code", "param"),
    [
        (None, "invalid_type", "messages"),
        ([], "empty_array", "messages"),
        ("Hello", "invalid_type", "messages"),
        ([USER] * 2049, "array_above_max_length", "messages"),
        (["Hello"], "invalid_type", "messages[0]"),
        ([{"content": "Hello"}], "missing_required_parameter", "messages[0].role"),
        ([{"role": "robot", "content": "Hello"}], "invalid_value", "messages[0].role"),
        ([{"role": "user"}], "missing_required_parameter", "messages[0].content"),
        ([{"role": "user", "content": None}], "invalid_type", "messages[0].content"),
        ([{"role": "assistant", "content": None}], "invalid_type", "messages[0].content"),
        ([{"role": "assistant", "tool_calls": []}], "missing_required_parameter", "messages[0].content"),
        ([USER, {"role": "user", "content": 1}], "invalid_type", "messages[1].content"),
        ([{"role": "user", "content": []}], "empty_array", "messages[0].content"),
        ([{"role": "user", "content": [TEXT] * 2049}], "array_above_max_length", "messages[0].content"),
        ([{"role": "user", "content": ["Hello"]}], "invalid_type", "messages[0].content[0]"),
        ([{"role": "user", "content": [{}]}], "missing_required_parameter", "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": 1}]}], "invalid_type", "messages[0].content[0].type"),
        ([{"role": "user", "content": [TEXT, {"type": "text"}]}], "invalid_type", "messages[0].content[1].text"),
        ([{"role": "user", "content": [{**TEXT, "x": 1}]}], "unknown_parameter", "messages[0].content[0].x"),
        ([{**USER, "nmae": "x"}], "unknown_parameter", "messages[0].nmae"),
        ([{**USER, "name": None}], "invalid_type", "messages[0].name"),
        ([{**USER, "tool_calls": [CALL]}], "unknown_parameter", "messages[0].tool_calls"),
        ([{**USER, "audio": {"id": "a"}}], "unsupported_value", "messages[0].audio"),
        ([{"role": "tool", "content": "3 m"}], "missing_required_parameter", "messages[0].tool_call_id"),
        ([{"role": "function", "content": "3 m"}], "missing_required_parameter", "messages[0].name"),
        (
            [{"role": "assistant", "tool_calls": [{**CALL, "type": "custom"}]}],
            "invalid_value",
            "messages[0].tool_calls[0].type",
        ),
        (
            [{"role": "assistant", "tool_calls": [{"id": "x"}]}],
            "missing_required_parameter",
            "messages[0].tool_calls[0].type",
        ),
    ],
)
def test_messages_that_are_refused(messages: Any, code: str, param: str) -> None:
    assert refused_chat(messages=messages)[:2] == (code, param)


@pytest.mark.parametrize(
    "kind",
    ["image", "image_pil", "input_image", "input_audio", "file", "video_url", "image_embeds", "refusal", "made up"],
)
def test_parts_other_than_text_and_images_are_refused_by_their_type(kind: str) -> None:
    part = {"type": kind, kind: {"url": "http://169.254.169.254/"}}
    code, param, message = refused_chat(messages=[{"role": "user", "content": [TEXT, part]}])
    assert (code, param) == ("unsupported_value", "messages[0].content[1].type")
    assert f"'{kind}'" in message


@pytest.mark.parametrize("content", [123, {"secret": "words"}, ["secret"], [{"type": "text", "text": ["secret"]}]])
def test_a_refusal_never_repeats_the_conversation(content: Any) -> None:
    message = refused_chat(messages=[{"role": "user", "content": content}])[2]
    assert "secret" not in message and "123" not in message


@pytest.mark.parametrize(
    ("message", "rendered"),
    [
        ({"role": "system", "content": "Be brief."}, {"role": "system", "content": "Be brief."}),
        ({"role": "developer", "content": "Be brief."}, {"role": "system", "content": "Be brief."}),
        ({"role": "user", "content": "", "name": "Ann"}, {"role": "user", "content": "", "name": "Ann"}),
        ({"role": "user", "content": [TEXT]}, {"role": "user", "content": [TEXT]}),
        (
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
        ),
        ({"role": "assistant", "refusal": "No."}, {"role": "assistant", "content": "No."}),
        (
            {"role": "tool", "content": "3 m", "tool_call_id": "c"},
            {"role": "tool", "content": "3 m", "tool_call_id": "c"},
        ),
        (
            {"role": "function", "content": None, "name": "tide"},
            {"role": "tool", "content": "", "name": "tide", "tool_call_id": "function_call"},
        ),
        (
            {"role": "assistant", "content": None, "function_call": CALL["function"]},
            {"role": "assistant", "content": None, "tool_calls": [{**CALL, "id": "function_call"}]},
        ),
        (
            {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."},
            {"role": "assistant", "content": "Yes.", "reasoning": "Hm."},
        ),
    ],
)
def test_messages_reach_the_renderer(message: dict[str, Any], rendered: dict[str, Any]) -> None:
    assert chat(messages=[message]).to_prompt().messages == [rendered]


@pytest.mark.parametrize(
    ("fields", "template_kwargs"),
    [
        ({}, {}),
        ({"reasoning_effort": "none"}, {"enable_thinking": False, "reasoning_effort": "none"}),
        ({"reasoning_effort": "low"}, {"enable_thinking": True, "reasoning_effort": "low"}),
        ({"chat_template_kwargs": {"enable_thinking": False}}, {"enable_thinking": False}),
        ({"chat_template_kwargs": {"thinking": True}}, {"thinking": True}),
    ],
)
def test_switches_of_the_template_reach_the_renderer(fields: dict[str, Any], template_kwargs: dict[str, Any]) -> None:
    request = chat(**fields)
    assert request.to_prompt().template_kwargs == request.chat_output.template_kwargs == template_kwargs


def test_other_variables_of_the_template_are_refused() -> None:
    code, param, _ = refused_chat(chat_template_kwargs={"messages": []})
    assert (code, param) == ("unknown_parameter", "chat_template_kwargs.messages")


def test_an_answer_may_be_sent_back_as_the_client_dumps_it() -> None:
    dumped = {"role": "assistant", "content": "Hi", "refusal": None, "annotations": None, "audio": None}
    messages = [USER, {**dumped, "function_call": None, "tool_calls": None}, USER]
    assert chat(messages=messages).to_prompt().messages[1] == {"role": "assistant", "content": "Hi"}


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"max_tokens": 0}, "integer_below_min_value", "max_tokens"),
        ({"max_completion_tokens": 0}, "integer_below_min_value", "max_completion_tokens"),
        ({"max_tokens": 5, "min_tokens": 6}, "invalid_value", "min_tokens"),
        ({"top_logprobs": 2}, "invalid_value", "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "integer_above_max_value", "top_logprobs"),
        ({"logprobs": True, "top_logprobs": -1}, "integer_below_min_value", "top_logprobs"),
        ({"logprobs": 1}, "invalid_type", "logprobs"),
        ({"continue_final_message": True, "add_generation_prompt": True}, "invalid_value", "continue_final_message"),
        ({"best_of": 2}, "unknown_parameter", "best_of"),
        ({"prompt": "Hello"}, "unknown_parameter", "prompt"),
    ],
)
def test_fields_of_the_output_that_are_refused(fields: dict[str, Any], code: str, param: str) -> None:
    assert refused_chat(**fields)[:2] == (code, param)


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_tokens": None}, None),
    ],
)
def test_max_completion_tokens_wins_over_max_tokens(fields: dict[str, Any], limit: int | None) -> None:
    assert chat(**fields).requested_max_tokens == limit


@pytest.mark.parametrize(
    ("fields", "logprobs"),
    [({}, None), ({"logprobs": True}, 0), ({"logprobs": True, "top_logprobs": 20}, 20), ({"top_logprobs": 0}, None)],
)
def test_logprobs_reach_the_engine(fields: dict[str, Any], logprobs: int | None) -> None:
    assert chat(**fields).sampling(10, {}).logprobs == logprobs


@pytest.mark.parametrize(
    ("fields", "opens", "continues"),
    [
        ({}, True, False),
        ({"add_generation_prompt": False}, False, False),
        ({"continue_final_message": True}, False, True),
    ],
)
def test_a_final_message_is_continued_or_answered(fields: dict[str, Any], opens: bool, continues: bool) -> None:
    prompt = chat(**fields).to_prompt()
    assert (prompt.add_generation_prompt, prompt.continue_final_message) == (opens, continues)
