"""Parameters: out of OpenAI's limits, of the wrong type, at odds with each other, deadly to vLLM, or not known here."""

from collections.abc import Iterator
from typing import Any, Final

from service.api.schema.not_served import FOR_CHAT, FOR_COMPLETIONS, NotServed
from tests.api.schema.test_completion import FIELDS, PROMPTS
from tests.api.schema.test_sampling_fields import FAULTS_INSIDE, OUT_OF_BOUNDS
from tests.bad_input.row import CHAT, COMPLETIONS, Absent, Row, asks

LONG_TEXT: Final = "tide " * 20_000

FITTING: Final[list[dict[str, Any]]] = [
    {"n": 128, "max_tokens": 1},
    {"logprobs": 5, "max_tokens": 1},
    {"seed": 2**63 - 1},
    {"temperature": 2, "top_p": 1, "frequency_penalty": -2, "presence_penalty": 2},
    {"stop": ["a", "b", "c", "d"]},
    {"allowed_token_ids": list(range(100, 1124))},
    {"logit_bias": {str(token): -100 for token in range(100, 400)}},
    {"stop_token_ids": list(range(100, 228))},
    {"bad_words": ["é" * 100, "x" * 310]},
    {"bad_words": [f"{word:03}" for word in range(128)]},
    {"min_tokens": 4},
    {"prompt": ["a"] * 128, "max_tokens": 1},
]
"""Exactly at the limits, where vLLM must live on."""

FAR_OUTSIDE: Final = 2_000_000_000
"""A token id that no vocabulary has."""

VOCABULARY: Final[list[tuple[dict[str, Any], str]]] = [
    ({"prompt": [FAR_OUTSIDE]}, "prompt"),
    ({"prompt": [[1], [FAR_OUTSIDE]]}, "prompt"),
]

SAMPLED: Final[list[tuple[dict[str, Any], str]]] = [
    ({"allowed_token_ids": [FAR_OUTSIDE]}, "allowed_token_ids"),
    ({"logit_bias": {"999999999": 1}}, "logit_bias"),
    ({"stop_token_ids": [FAR_OUTSIDE], "min_tokens": 3}, "stop_token_ids"),
    ({"bad_words": [" "]}, "bad_words"),
    ({"structured_outputs": {"regex": "a"}, "bad_words": ["a"]}, "bad_words"),
    ({"structured_outputs": {"choice": ["a"]}, "stop_token_ids": [81], "min_tokens": 3}, "min_tokens"),
]
"""Which the simulated engine does not look at, for it draws nothing. Token 81 of the bundled model is "a"."""

HARD_TO_DRAW: Final[list[dict[str, Any]]] = [
    {"allowed_token_ids": [2], "min_tokens": 3, "temperature": 1},
    {"allowed_token_ids": [5], "stop_token_ids": [5], "min_tokens": 3, "logprobs": 5},
    {"allowed_token_ids": [5], "logit_bias": {"5": -100}, "temperature": 1},
    {"temperature": 1e-300, "top_p": 5e-324},
    {"repetition_penalty": 5e-324, "temperature": 1, "logprobs": 5, "n": 4},
    {"top_k": 2**31 - 1, "min_p": 1, "temperature": 2},
    {"seed": -(2**63), "temperature": 1, "n": 3},
    {"prompt": "\x00\uffff\ufeff\u202e\u200b"},
    {"prompt": "a", "echo": True, "max_tokens": 0, "logprobs": 5},
    {"structured_outputs": {"choice": ["a"]}, "logit_bias": {"81": -100}, "temperature": 1},
    {"structured_outputs": {"regex": "a*"}, "ignore_eos": True, "n": 4, "temperature": 2},
    {"stop": ["x" * 1_000_000]},
]
"""Allowed, and answered somehow: what is left to draw from is nothing, or next to nothing."""

CONTEXT: Final[list[tuple[str, dict[str, Any], str]]] = [
    (CHAT, {"max_tokens": 1_000_000}, "max_tokens"),
    (CHAT, {"max_tokens": 2**63 - 1}, "max_tokens"),
    (COMPLETIONS, {"max_tokens": 1_000_000}, "max_tokens"),
    (COMPLETIONS, {"prompt": [1] * 9000}, "prompt"),
    (COMPLETIONS, {"prompt": LONG_TEXT}, "prompt"),
    (COMPLETIONS, {"prompt": LONG_TEXT * 10}, "prompt"),
    (CHAT, {"messages": [{"role": "user", "content": LONG_TEXT}]}, "messages"),
    (CHAT, {"messages": [{"role": "user", "content": "high tide"}] * 2048}, "messages"),
]


def rows() -> Iterator[Row]:
    """All of them."""
    for field, value, code in OUT_OF_BOUNDS:
        yield asks("limits and types", COMPLETIONS, {field: value}, 400, code, field)
    for fields, code, param in FAULTS_INSIDE:
        yield asks("limits and types", COMPLETIONS, fields, 400, code, param)
    for prompt, code, param in PROMPTS:
        yield asks("prompts", COMPLETIONS, {"prompt": prompt}, 400, code, param)
    for fields, code, param in FIELDS:
        yield asks("fields at odds", COMPLETIONS, fields, 400, code, param)
    for fields in FITTING:
        yield asks("at the limit", COMPLETIONS, fields, 200, milliseconds=10_000)
    for fields, param in VOCABULARY:
        yield asks("outside the vocabulary", COMPLETIONS, fields, 400, "invalid_value", param)
    for path, fields, param in CONTEXT:
        yield asks("over the context", path, fields, 400, "context_length_exceeded", param, milliseconds=500)
    yield from _missing()
    yield from _not_served(CHAT, FOR_CHAT)
    yield from _not_served(COMPLETIONS, FOR_COMPLETIONS)
    vectors = {"max_tokens": Absent, "temperature": Absent, "prompt": Absent, "input": "a"}
    yield asks("another task", "/v1/embeddings", vectors, 400, "unsupported_value", "model")
    yield from _tokens()


def rows_for_the_real_engine() -> Iterator[Row]:
    """Those whose check is the engine's own."""
    for fields, param in SAMPLED:
        yield asks("nothing to draw", COMPLETIONS, fields, 400, "invalid_value", param, milliseconds=1000)
    for fields in HARD_TO_DRAW:
        yield asks("hard to draw", COMPLETIONS, fields, 200, milliseconds=10_000)


def _missing() -> Iterator[Row]:
    for path, field in ((CHAT, "model"), (CHAT, "messages"), (COMPLETIONS, "model"), (COMPLETIONS, "prompt")):
        yield asks("missing", path, {field: Absent}, 400, "missing_required_parameter", field)
    yield asks("unknown", CHAT, {"temprature": 1}, 400, "unknown_parameter", "temprature")
    yield asks("unknown", CHAT, {"\x1b[31m\n": 1}, 400, "unknown_parameter", "\\x1b[31m\\n")
    yield asks("unknown", CHAT, {f"x{i}": i for i in range(10_000)}, 400, "unknown_parameter", "x0")


def _not_served(path: str, fields: dict[str, NotServed] | Any) -> Iterator[Row]:
    for field, refused in fields.items():
        yield asks("not served", path, {field: {"a": "http://127.0.0.1:1/"}}, 400, refused.code, field)


def _tokens() -> Iterator[Row]:
    """/detokenize and /tokenize, which take long lists and long texts."""
    for tokens, code in (
        ([-1], "integer_below_min_value"),
        ([True], "invalid_type"),
        ([1.5], "invalid_type"),
        ([2**31], "integer_above_max_value"),
    ):
        yield _tokenization("/detokenize", {"tokens": tokens}, 400, code, "tokens[0]")
    yield _tokenization("/detokenize", {"tokens": [FAR_OUTSIDE]}, 400, "invalid_value", "tokens")
    yield _tokenization("/detokenize", {"tokens": [1] * 262_145}, 400, "array_above_max_length", "tokens")
    yield _tokenization("/detokenize", {"tokens": [1] * 400_000}, 413, "request_too_large", None)
    yield _tokenization("/tokenize", {"prompt": "x" * 524_288}, 413, "request_too_large", None)
    yield _tokenization("/tokenize", {"prompt": ["a"]}, 400, "invalid_type", "prompt")
    yield _tokenization("/tokenize", {"prompt": "a", "messages": []}, 400, "empty_array", "messages")


def _tokenization(path: str, fields: dict[str, Any], status: int, code: Any, param: str | None) -> Row:
    nothing = {"max_tokens": Absent, "temperature": Absent}
    known = {**nothing, "prompt": Absent, **fields}
    return asks("token lists", path, known, status, code, param, name=f"{path} {len(str(fields))} characters")
