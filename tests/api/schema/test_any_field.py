"""Whatever stands in whichever field: a model, or one complete error. And every limit holds at both of its sides."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.api.schema import (
    ChatCompletionRequest,
    CompletionRequest,
    DetokenizeRequest,
    EmbeddingsRequest,
    LoadAdapterRequest,
    TokenizeRequest,
    UnloadAdapterRequest,
    parse,
)
from service.api.schema.wire_model import WireModel
from service.errors import InvalidRequestError
from tests.api.schema.bodies import USER
from tests.api.schema.test_any_json import MODELS, VALUES, check

GOOD: Final[Mapping[type[WireModel], dict[str, Any]]] = {
    ChatCompletionRequest: {"model": "m", "messages": [USER]},
    CompletionRequest: {"model": "m", "prompt": "Once"},
    EmbeddingsRequest: {"model": "m", "input": "Once"},
    TokenizeRequest: {"prompt": "Once"},
    DetokenizeRequest: {"tokens": [1]},
    LoadAdapterRequest: {"lora_name": "a", "lora_path": "a"},
    UnloadAdapterRequest: {"lora_name": "a"},
}
FIELDS: Final = [
    (model, name)
    for model, refused in MODELS
    for name in (*(field.alias or name for name, field in model.model_fields.items()), *refused)
]


@pytest.mark.parametrize(("model", "field"), FIELDS, ids=lambda each: getattr(each, "__name__", each))
def test_any_value_in_any_field_gives_a_model_or_a_complete_error(model: type[WireModel], field: str) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(VALUES)
    def run(value: Any) -> None:
        check(model, json.dumps({**GOOD[model], field: value}).encode())

    run()


def refusal(model: type[WireModel], **fields: Any) -> tuple[str | None, str | None] | None:
    """Code and param; None if it is taken."""
    try:
        parse(model, json.dumps({**GOOD[model], **fields}).encode())
    except InvalidRequestError as error:
        return error.code, error.param
    return None


BOTH: Final = (ChatCompletionRequest, CompletionRequest)
INT64: Final = 2**63 - 1
INT32: Final = 2**31 - 1

NUMBERS: Final[list[tuple[tuple[type[WireModel], ...], str, int | float, int | float, dict[str, Any]]]] = [
    (BOTH, "n", 1, 128, {}),
    (BOTH, "seed", -INT64 - 1, INT64, {}),
    (BOTH, "temperature", 0.0, 2.0, {}),
    (BOTH, "top_p", math.nextafter(0, 1), 1.0, {}),
    (BOTH, "frequency_penalty", -2.0, 2.0, {}),
    (BOTH, "presence_penalty", -2.0, 2.0, {}),
    (BOTH, "top_k", -1, INT32, {}),
    (BOTH, "min_p", 0.0, 1.0, {}),
    (BOTH, "repetition_penalty", math.nextafter(0, 1), 2.0, {}),
    (BOTH, "max_tokens", 1, INT64, {}),
    (BOTH, "min_tokens", 0, INT64, {"max_tokens": INT64}),
    ((ChatCompletionRequest,), "max_completion_tokens", 1, INT64, {}),
    ((ChatCompletionRequest,), "top_logprobs", 0, 20, {"logprobs": True}),
    ((CompletionRequest,), "logprobs", 0, 5, {}),
    ((CompletionRequest,), "best_of", 1, 20, {}),
    ((EmbeddingsRequest,), "dimensions", 1, INT32, {}),
]


def around(low: int | float, high: int | float) -> tuple[Any, Any, Any]:
    """Numbers below, between and above the limits."""
    if isinstance(low, int):
        return st.integers(max_value=low - 1), st.integers(low, int(high)), st.integers(min_value=int(high) + 1)
    below = st.floats(max_value=low, exclude_max=True, allow_infinity=False)
    above = st.floats(min_value=high, exclude_min=True, allow_infinity=False)
    return below, st.floats(low, high), above


@pytest.mark.parametrize(("models", "field", "low", "high", "beside"), NUMBERS, ids=[each[1] for each in NUMBERS])
def test_a_number_is_taken_exactly_between_its_limits(
    models: tuple[type[WireModel], ...], field: str, low: Any, high: Any, beside: dict[str, Any]
) -> None:
    below, between, above = around(low, high)

    @settings(max_examples=40, deadline=None)
    @given(below | st.just(low - 1), between | st.sampled_from([low, high]), above | st.just(high + 1))
    def run(small: Any, fitting: Any, great: Any) -> None:
        for model in models:
            assert refusal(model, **beside, **{field: fitting}) is None
            for value, word in ((small, "below"), (great, "above")):
                code, param = refusal(model, **beside, **{field: value}) or ("", "")
                assert param == field and f"_{word}_" in (code or ""), (value, code)

    run()


LENGTHS: Final[list[tuple[tuple[type[WireModel], ...], str, int, int, Any]]] = [
    (BOTH, "stop", 0, 4, "a"),
    (BOTH, "stop_token_ids", 0, 128, 7),
    (BOTH, "allowed_token_ids", 1, 1024, 7),
    (BOTH, "bad_words", 0, 128, "abc"),
    ((ChatCompletionRequest,), "messages", 1, 2048, USER),
    ((CompletionRequest,), "prompt", 1, 128, "a"),
    ((CompletionRequest,), "prompt", 1, 128, [1]),
    ((EmbeddingsRequest,), "input", 1, 2048, "a"),
    ((EmbeddingsRequest,), "input", 1, 2048, [1]),
    ((TokenizeRequest,), "messages", 1, 2048, USER),
    ((DetokenizeRequest,), "tokens", 0, 262_144, 7),
]


@pytest.mark.parametrize(("models", "field", "least", "most", "item"), LENGTHS)
def test_an_array_is_taken_exactly_between_its_limits(
    models: tuple[type[WireModel], ...], field: str, least: int, most: int, item: Any
) -> None:
    beside = {"prompt": None} if models == (TokenizeRequest,) else {}
    for model in models:
        assert [refusal(model, **beside, **{field: [item] * size}) for size in (least, most)] == [None, None]
        assert refusal(model, **beside, **{field: [item] * (most + 1)}) == ("array_above_max_length", field)
        assert least == 0 or refusal(model, **beside, **{field: []}) == ("empty_array", field)


OBJECTS: Final[list[tuple[str, int, Any]]] = [("logit_bias", 300, 1), ("metadata", 16, "a")]


@pytest.mark.parametrize(("field", "most", "value"), OBJECTS)
def test_an_object_is_taken_up_to_exactly_its_limit(field: str, most: int, value: Any) -> None:
    entries = {str(key): value for key in range(most)}
    assert refusal(ChatCompletionRequest, **{field: entries}) is None
    assert refusal(ChatCompletionRequest, **{field: {**entries, "9999": value}}) == (
        "object_above_max_properties",
        field,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("aé🌊", min_size=1, max_size=60), min_size=1, max_size=12))
def test_bad_words_are_taken_up_to_exactly_their_bytes(words: list[str]) -> None:
    size = sum(len(word.encode()) + 1 for word in words)
    expected = None if size <= 512 else ("invalid_value", "bad_words")
    assert refusal(CompletionRequest, bad_words=words) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 128), st.integers(1, 128))
def test_choices_over_all_prompts_are_taken_up_to_exactly_128(n: int, prompts: int) -> None:
    expected = None if n * prompts <= 128 else ("invalid_value", "n")
    assert refusal(CompletionRequest, n=n, prompt=["a"] * prompts) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_min_tokens_are_taken_up_to_exactly_max_tokens(least: int, most: int) -> None:
    expected = None if least <= most else ("invalid_value", "min_tokens")
    for model in BOTH:
        assert refusal(model, min_tokens=least, max_tokens=most) == expected


@pytest.mark.parametrize(("size", "refused"), [(128, False), (129, True)])
def test_tools_and_calls_are_counted_exactly(size: int, refused: bool) -> None:
    tools = [{"type": "function", "function": {"name": f"f{i}"}} for i in range(size)]
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call] * size}
    answers = refusal(ChatCompletionRequest, tools=tools), refusal(ChatCompletionRequest, messages=[message])
    assert [answer is not None for answer in answers] == [refused, refused]


@pytest.mark.parametrize(("more", "refused"), [(0, False), (1, True)])
def test_the_calls_of_a_conversation_are_counted_exactly(more: int, refused: bool) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    sizes = [128] * 16 + [more]
    messages = [{"role": "assistant", "content": "a", "tool_calls": [call] * size} for size in sizes]
    answer = refusal(ChatCompletionRequest, messages=messages)
    assert answer == (("array_above_max_length", "messages") if refused else None)
