"""Completion requests: forms of prompts, choices, echo."""

import traceback
from typing import Any

import pytest

from service.errors import InvalidRequestError
from tests.api.schema.bodies import completion, refused_completion

PROMPTS: list[tuple[Any, ...]] = [
    (None, "invalid_type", "prompt"),
    (1, "invalid_type", "prompt"),
    ({}, "invalid_type", "prompt"),
    ("", "empty_string", "prompt"),
    ([], "empty_array", "prompt"),
    ([""], "empty_string", "prompt[0]"),
    (["a", ""], "empty_string", "prompt[1]"),
    (["a", 1], "invalid_type", "prompt[1]"),
    (["a", ["a"]], "invalid_type", "prompt[1]"),
    ([1, "a"], "invalid_type", "prompt[1]"),
    ([1, [1]], "invalid_type", "prompt[1]"),
    ([-1], "integer_below_min_value", "prompt[0]"),
    ([2**31], "integer_above_max_value", "prompt[0]"),
    ([True], "invalid_type", "prompt[0]"),
    ([1, False], "invalid_type", "prompt[1]"),
    ([1.0], "invalid_type", "prompt[0]"),
    ([None], "invalid_type", "prompt[0]"),
    ([{"prompt_token_ids": [1]}], "invalid_type", "prompt[0]"),
    ([[]], "empty_array", "prompt[0]"),
    ([[1], []], "empty_array", "prompt[1]"),
    ([[1], 2], "invalid_type", "prompt[1]"),
    ([[1], [-1]], "integer_below_min_value", "prompt[1][0]"),
    ([[[1]]], "invalid_type", "prompt[0][0]"),
    (["a"] * 129, "array_above_max_length", "prompt"),
    ([[1]] * 129, "array_above_max_length", "prompt"),
]


@pytest.mark.parametrize(("prompt", "code", "param"), PROMPTS)
def test_prompts_that_are_refused(prompt: Any, code: str, param: str) -> None:
    assert refused_completion(prompt=prompt)[:2] == (code, param)


def test_a_refusal_never_repeats_the_prompt() -> None:
    message = refused_completion(prompt=[1, "secret"])[2]
    assert message == "Invalid type for 'prompt[1]': expected an integer, but got a string instead."


def test_not_even_a_traceback_repeats_the_prompt() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        completion(prompt=[1, "secret"])
    assert "secret" not in "".join(traceback.format_exception(refused.value.__cause__, limit=0))


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1, 2], [3]], [[1, 2], [3]])],
)
def test_every_form_of_prompt_becomes_a_list(prompt: Any, prompts: list[Any]) -> None:
    assert completion(prompt=prompt).to_prompt().prompts == prompts


FIELDS: list[tuple[Any, ...]] = [
    ({"n": 65, "prompt": ["a", "b"]}, "invalid_value", "n"),
    ({"best_of": 2, "prompt": ["a"] * 65}, "invalid_value", "best_of"),
    ({"best_of": 0}, "integer_below_min_value", "best_of"),
    ({"best_of": 21}, "integer_above_max_value", "best_of"),
    ({"n": 3, "best_of": 2}, "invalid_value", "best_of"),
    ({"n": 1, "best_of": 2, "stream": True}, "invalid_value", "best_of"),
    ({"logprobs": 6}, "integer_above_max_value", "logprobs"),
    ({"logprobs": -1}, "integer_below_min_value", "logprobs"),
    ({"logprobs": True}, "invalid_type", "logprobs"),
    ({"max_tokens": 0}, "integer_below_min_value", "max_tokens"),
    ({"max_tokens": 0, "echo": True, "min_tokens": 1}, "invalid_value", "min_tokens"),
    ({"echo": "yes"}, "invalid_type", "echo"),
    ({"messages": []}, "unknown_parameter", "messages"),
]


@pytest.mark.parametrize(("fields", "code", "param"), FIELDS)
def test_fields_that_are_refused(fields: dict[str, Any], code: str, param: str) -> None:
    assert refused_completion(**fields)[:2] == (code, param)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"n": 128}, {"n": 128, "logprobs": None}),
        ({"n": 64, "prompt": ["a", "b"]}, {"n": 64}),
        ({"n": 2, "best_of": 2, "stream": True}, {"n": 2, "logprobs": None}),
        ({"n": 2, "best_of": 20}, {"n": 20, "logprobs": 0}),
        ({"logprobs": 5}, {"logprobs": 5, "prompt_logprobs": None}),
        ({"logprobs": 3, "echo": True}, {"logprobs": 3, "prompt_logprobs": 3}),
        ({"echo": True}, {"logprobs": None, "prompt_logprobs": None}),
    ],
)
def test_choices_and_logprobs_reach_the_engine(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    sampling = completion(**fields).sampling(16, {})
    assert {name: getattr(sampling, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("fields", "limit"),
    [({}, 16), ({"max_tokens": None}, 16), ({"max_tokens": 5}, 5), ({"max_tokens": 0, "echo": True}, 0)],
)
def test_the_output_is_16_tokens_unless_stated(fields: dict[str, Any], limit: int) -> None:
    assert completion(**fields).requested_max_tokens == limit


def test_echo_and_special_tokens_reach_the_renderer() -> None:
    prompt = completion(echo=True, add_special_tokens=False).to_prompt()
    assert (prompt.want_text, prompt.add_special_tokens) == (True, False)
