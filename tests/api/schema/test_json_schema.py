"""The models describe themselves well enough for an OpenAPI document."""

from typing import Any

import pytest

from service.api.schema import (
    ChatCompletionRequest,
    CompletionRequest,
    DetokenizeRequest,
    EmbeddingsRequest,
    TokenizeRequest,
)

MODELS = [ChatCompletionRequest, CompletionRequest, EmbeddingsRequest, TokenizeRequest, DetokenizeRequest]


@pytest.mark.parametrize("model", MODELS)
def test_every_field_has_a_line_of_description(model: Any) -> None:
    schema = model.model_json_schema()
    for document in (schema, *schema.get("$defs", {}).values()):
        for name, field in document["properties"].items():
            assert field.get("description"), name
            assert "\n" not in field["description"]


def test_limits_stand_in_the_schema() -> None:
    fields = CompletionRequest.model_json_schema()["properties"]
    assert fields["temperature"]["anyOf"][0] == {"type": "number", "minimum": 0, "maximum": 2}
    assert fields["logit_bias"]["anyOf"][0]["maxProperties"] == 300
    assert [form["type"] for form in fields["prompt"]["oneOf"]] == ["string", "array", "array", "array"]
    assert CompletionRequest.model_json_schema()["required"] == ["model", "prompt"]
