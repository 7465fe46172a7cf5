"""Fields that both kinds of request have: limits, null, types, and what becomes of them."""

from typing import Any

import pytest

from service.api.schema import CompletionRequest, parse
from service.errors import InvalidRequestError
from tests.api.schema.bodies import chat, completion, refused_completion

HUGE = 10**400

BELOW, ABOVE = "integer_below_min_value", "integer_above_max_value"
LOW, HIGH = "decimal_below_min_value", "decimal_above_max_value"
TYPE, VALUE = "invalid_type", "invalid_value"
LONG, MANY, EMPTY = "array_above_max_length", "object_above_max_properties", "empty_string"


OUT_OF_BOUNDS: list[tuple[Any, ...]] = [
    ("n", 0, BELOW),
    ("n", -1, BELOW),
    ("n", 129, ABOVE),
    ("n", "3", TYPE),
    ("n", 1.0, TYPE),
    ("n", True, TYPE),
    ("n", HUGE, ABOVE),
    ("temperature", -0.1, LOW),
    ("temperature", 2.1, HIGH),
    ("temperature", 3, HIGH),
    ("temperature", "1", TYPE),
    ("temperature", True, TYPE),
    ("temperature", [1], TYPE),
    ("temperature", HUGE, TYPE),
    ("top_p", 0, LOW),
    ("top_p", 1.01, HIGH),
    ("frequency_penalty", -2.1, LOW),
    ("frequency_penalty", 2.1, HIGH),
    ("presence_penalty", -2.1, LOW),
    ("presence_penalty", 2.1, HIGH),
    ("seed", 2**63, ABOVE),
    ("seed", -(2**63) - 1, BELOW),
    ("seed", 1.5, TYPE),
    ("stop", ["a"] * 5, LONG),
    ("stop", "", EMPTY),
    ("stop", 1, TYPE),
    ("stop", {}, TYPE),
    ("logit_bias", {str(token): 1 for token in range(301)}, MANY),
    ("logit_bias", [], TYPE),
    ("stream", "true", TYPE),
    ("stream", 1, TYPE),
    ("stream_options", {"include_usage": True}, VALUE),
    ("stream_options", True, TYPE),
    ("top_k", -2, BELOW),
    ("top_k", 2**31, ABOVE),
    ("top_k", 1.5, TYPE),
    ("min_p", -0.1, LOW),
    ("min_p", 1.1, HIGH),
    ("repetition_penalty", 0, LOW),
    ("repetition_penalty", 2.1, HIGH),
    ("min_tokens", -1, BELOW),
    ("min_tokens", 17, VALUE),
    ("min_tokens", None, TYPE),
    ("stop_token_ids", [1] * 129, LONG),
    ("stop_token_ids", 1, TYPE),
    ("allowed_token_ids", [1] * 1025, LONG),
    ("allowed_token_ids", [], "empty_array"),
    ("bad_words", ["a"] * 129, LONG),
    ("bad_words", ["a" * 512], VALUE),
    ("bad_words", ["é" * 256], VALUE),
    ("bad_words", "a", TYPE),
    ("bad_words", None, TYPE),
    ("ignore_eos", None, TYPE),
    ("ignore_eos", 1, TYPE),
    ("skip_special_tokens", "no", TYPE),
    ("max_tokens", -1, BELOW),
    ("max_tokens", 0, BELOW),
    ("max_tokens", 2**63, ABOVE),
    ("max_tokens", 1.5, TYPE),
    ("max_tokens", "16", TYPE),
    ("model", "", EMPTY),
    ("model", None, TYPE),
    ("model", 1, TYPE),
    ("user", None, TYPE),
    ("metadata", {str(key): "" for key in range(17)}, MANY),
    ("service_tier", "gold", VALUE),
]


@pytest.mark.parametrize(("field", "value", "code"), OUT_OF_BOUNDS)
def test_out_of_bounds_is_refused_with_openais_code(field: str, value: Any, code: str) -> None:
    assert refused_completion(**{field: value})[:2] == (code, field)


FAULTS_INSIDE: list[tuple[Any, ...]] = [
    ({"stop": ["a", ""]}, EMPTY, "stop[1]"),
    ({"stop": ["a", 1]}, TYPE, "stop[1]"),
    ({"bad_words": [""]}, EMPTY, "bad_words[0]"),
    ({"stop_token_ids": [1, -1]}, BELOW, "stop_token_ids[1]"),
    ({"allowed_token_ids": [True]}, TYPE, "allowed_token_ids[0]"),
    ({"allowed_token_ids": [2**31]}, ABOVE, "allowed_token_ids[0]"),
    ({"logit_bias": {"7": 100.1}}, HIGH, "logit_bias.7"),
    ({"logit_bias": {"7": -101}}, LOW, "logit_bias.7"),
    ({"logit_bias": {"7": True}}, TYPE, "logit_bias.7"),
    ({"logit_bias": {"7": None}}, TYPE, "logit_bias.7"),
    ({"logit_bias": {"a": 1}}, VALUE, "logit_bias.a"),
    ({"logit_bias": {"-1": 1}}, VALUE, "logit_bias.-1"),
    ({"logit_bias": {"07": 1}}, VALUE, "logit_bias.07"),
    ({"logit_bias": {"٣": 1}}, VALUE, "logit_bias.٣"),
    ({"logit_bias": {"9999999999": 1}}, VALUE, "logit_bias.9999999999"),
    ({"stream": True, "stream_options": {"include_usage": None}}, TYPE, "stream_options.include_usage"),
    ({"stream": True, "stream_options": {"usage": True}}, "unknown_parameter", "stream_options.usage"),
    ({"metadata": {"a": 1}}, TYPE, "metadata.a"),
    ({"metadata": {"k" * 65: ""}}, "string_above_max_length", "metadata." + "k" * 65),
]


@pytest.mark.parametrize(("fields", "code", "param"), FAULTS_INSIDE)
def test_a_fault_inside_a_field_is_named_by_its_path(fields: dict[str, Any], code: str, param: str) -> None:
    assert refused_completion(**fields)[:2] == (code, param)


def test_the_message_names_field_limit_and_value() -> None:
    assert refused_completion(temperature=3)[2] == (
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead."
    )
    assert refused_completion(n="3")[2] == (
        "Invalid type for 'n': expected an integer, but got a string ('3') instead."
    )


def test_a_number_beyond_every_float_is_refused() -> None:
    # JSON has no Infinity, but this is one to every parser.
    with pytest.raises(InvalidRequestError) as refused:
        parse(CompletionRequest, b'{"model":"m","prompt":"a","temperature":1e999}')
    assert (refused.value.code, refused.value.param) == (VALUE, "temperature")


def test_an_unknown_field_is_refused_with_the_nearest_known_one() -> None:
    code, param, message = refused_completion(temprature=1)
    assert (code, param) == ("unknown_parameter", "temprature")
    assert "Did you mean 'temperature'?" in message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"n": 128}, {"n": 128}),
        ({"temperature": 0, "top_p": 1}, {"temperature": 0.0, "top_p": 1.0}),
        (
            {"temperature": 2, "frequency_penalty": -2, "presence_penalty": 2},
            {"temperature": 2.0, "presence_penalty": 2.0},
        ),
        ({"seed": -(2**63)}, {"seed": -(2**63)}),
        ({"stop": "a"}, {"stop": ["a"]}),
        ({"stop": ["a", "b", "c", "d"]}, {"stop": ["a", "b", "c", "d"]}),
        ({"stop": None}, {"stop": []}),
        ({"logit_bias": {"7": -100, "0": 0.5}}, {"logit_bias": {7: -100.0, 0: 0.5}}),
        ({"top_k": -1}, {"top_k": 0}),
        (
            {"top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1},
            {"top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1},
        ),
        ({"min_tokens": 16}, {"min_tokens": 16}),
        ({"stop_token_ids": [2, 2, 3]}, {"stop_token_ids": [2, 3]}),
        ({"allowed_token_ids": [1, 2]}, {"allowed_token_ids": [1, 2]}),
        ({"bad_words": ["bad"]}, {"bad_words": ["bad"]}),
        (
            {"ignore_eos": True, "include_stop_str_in_output": True},
            {"ignore_eos": True, "include_stop_str_in_output": True},
        ),
        ({"skip_special_tokens": False, "spaces_between_special_tokens": False}, {"skip_special_tokens": False}),
    ],
)
def test_what_was_given_reaches_the_engine(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    sampling = completion(**fields).sampling(16, {})
    assert {name: getattr(sampling, name) for name in expected} == expected


def test_the_models_defaults_apply_where_the_caller_gave_nothing() -> None:
    defaults = {"temperature": 0.6, "top_k": 20, "stop_token_ids": [7], "max_tokens": 9}
    sampling = chat(temperature=0, top_p=None, stop_token_ids=[5]).sampling(100, defaults)
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0.0, 1.0, 20)
    assert (sampling.stop_token_ids, sampling.max_tokens) == ([5, 7], 100)


def test_a_context_too_small_for_min_tokens_is_the_callers_fault() -> None:
    wanted = chat(min_tokens=100)
    with pytest.raises(InvalidRequestError, match="at most 99") as refused:
        wanted.sampling(99, {})
    assert (refused.value.param, refused.value.code) == ("min_tokens", VALUE)


@pytest.mark.parametrize(("options", "wants"), [(None, False), ({}, False), ({"include_usage": True}, True)])
def test_usage_in_a_stream_is_asked_for_by_its_option(options: Any, wants: bool) -> None:
    assert chat(stream=True, stream_options=options).include_usage is wants
