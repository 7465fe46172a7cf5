"""Which bodies /v1/embeddings takes, and what the others are told."""

import json
from typing import Any, get_type_hints

import pytest
from openai.types.embedding_create_params import EmbeddingCreateParams

from service.api.schema import EmbeddingsRequest, parse
from service.errors import InvalidRequestError


def embeddings(**fields: Any) -> EmbeddingsRequest:
    return parse(EmbeddingsRequest, json.dumps({"model": "m", "input": "Once", **fields}).encode())


def refused(**fields: Any) -> tuple[str | None, str | None]:
    with pytest.raises(InvalidRequestError) as refusal:
        embeddings(**fields)
    return refusal.value.code, refusal.value.param


@pytest.mark.parametrize("field", get_type_hints(EmbeddingCreateParams))
def test_every_field_of_openais_embeddings_is_known_and_never_null(field: str) -> None:
    assert field in EmbeddingsRequest.model_fields
    assert refused(**{field: None})[1] == field


@pytest.mark.parametrize(
    ("given", "inputs"),
    [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1], [2, 3]], [[1], [2, 3]])],
)
def test_every_form_of_input_is_taken(given: Any, inputs: Any) -> None:
    assert embeddings(input=given).to_prompts().prompts == inputs


def test_as_many_inputs_as_openai_takes() -> None:
    assert len(embeddings(input=["a"] * 2048).to_prompts().prompts) == 2048


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"input": ""}, "empty_string", "input"),
        ({"input": []}, "empty_array", "input"),
        ({"input": ["a", ""]}, "empty_string", "input[1]"),
        ({"input": [[1], []]}, "empty_array", "input[1]"),
        ({"input": ["a"] * 2049}, "array_above_max_length", "input"),
        ({"input": [[1]] * 2049}, "array_above_max_length", "input"),
        ({"input": [1, -1]}, "integer_below_min_value", "input[1]"),
        ({"input": ["a", 1]}, "invalid_type", "input[1]"),
        ({"input": {"text": "a"}}, "invalid_type", "input"),
        ({"encoding_format": "hex"}, "invalid_value", "encoding_format"),
        ({"dimensions": 0}, "integer_below_min_value", "dimensions"),
        ({"dimensions": 64.0}, "invalid_type", "dimensions"),
        ({"truncate_prompt_tokens": 5}, "unsupported_value", "truncate_prompt_tokens"),
        ({"temperature": 1}, "unknown_parameter", "temperature"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], code: str, param: str) -> None:
    assert refused(**fields) == (code, param)


def test_a_refusal_does_not_repeat_the_input() -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        embeddings(input=[1, "secret"])
    assert "secret" not in refusal.value.message
