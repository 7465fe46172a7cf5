"""The shortest text of a form."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.requests import StructuredOutput
from service.engine.simulated_form import shortest


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, {"a": ""}),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": ["integer", "null"], "minimum": 3}, 3),
        ({"anyOf": [{"const": "ebb"}, {"type": "null"}]}, "ebb"),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"enum": [7]}}}, 7),
        ({"type": "string", "minLength": 2}, "aa"),
        ({"$ref": "#"}, None),
        ({"$ref": "#/nowhere"}, None),
    ],
)
def test_a_schema_has_a_shortest_instance(schema: dict[str, Any], instance: Any) -> None:
    text = shortest(StructuredOutput(json=json.dumps(schema)))
    assert text is not None and json.loads(text) == instance


def test_other_forms() -> None:
    assert shortest(StructuredOutput(choice=["ebb", "flood"])) == "ebb"
    assert shortest(StructuredOutput(json_object=True)) == "{}"
    assert shortest(StructuredOutput(regex="a+")) is None


words = st.sampled_from(["type", "properties", "required", "items", "minItems", "minLength", "enum", "anyOf", "$ref"])
values = st.sampled_from(["object", "array", "string", "integer", "#", "#/items", 10**12, -1, None, True])
schemas = st.recursive(
    values,
    lambda inner: st.dictionaries(words, inner | st.lists(inner, max_size=3), max_size=4),
    max_leaves=12,
).filter(lambda schema: isinstance(schema, dict))


@given(schemas)
def test_no_schema_makes_it_stumble(schema: dict[str, Any]) -> None:
    text = shortest(StructuredOutput(json=json.dumps(schema)))
    assert text is not None and len(text) < 100_000


def test_a_schema_that_contains_itself_is_cut_off() -> None:
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]}
    assert len(shortest(StructuredOutput(json=json.dumps(endless))) or "") < 10_000
