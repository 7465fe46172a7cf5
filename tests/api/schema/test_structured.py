"""`response_format` and `structured_outputs`: what they ask of the engine, and how wrong ones are refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.requests import StructuredOutput
from service.errors import InvalidRequestError
from tests.api.schema.bodies import chat, completion, refused_chat

SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}}


def schema_format(**changes: Any) -> dict[str, Any]:
    """A `response_format` of a schema."""
    return {"type": "json_schema", "json_schema": {"name": "tide_table", "schema": SCHEMA, **changes}}


@pytest.mark.parametrize("strict", [True, False, None])
def test_a_schema_is_enforced_strict_or_not_with_its_members_in_order(strict: bool | None) -> None:
    wanted = chat(response_format=schema_format(strict=strict, description="Tides")).structured
    assert wanted == StructuredOutput(json=json.dumps(SCHEMA, separators=(",", ":")), param="response_format")


def test_formats_without_a_schema() -> None:
    assert chat(response_format={"type": "text"}).structured is None
    assert chat(structured_outputs=None).structured is None
    assert chat(response_format={"type": "json_object"}).structured == StructuredOutput(
        json_object=True, param="response_format"
    )


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("regex", "[0-9]+"),
        ("choice", ["ebb", "flood"]),
        ("grammar", 'root ::= "a"'),
        ("json_object", True),
        ("json", '{"type":"string"}'),
        ("structural_tag", '{"type":"structural_tag"}'),
    ],
)
def test_every_form_reaches_the_sampling_of_completions(form: str, value: Any) -> None:
    sampling = completion(structured_outputs={form: value}).sampling(16, {})
    assert sampling.structured == StructuredOutput(**{form: value})


def test_a_schema_may_be_an_object_or_a_string() -> None:
    as_object = chat(structured_outputs={"json": SCHEMA}).structured
    as_string = chat(structured_outputs={"json": json.dumps(SCHEMA, separators=(",", ":"))}).structured
    assert as_object == as_string


def test_text_does_not_exclude_a_form() -> None:
    wanted = chat(response_format={"type": "text"}, structured_outputs={"regex": "a"}).structured
    assert wanted == StructuredOutput(regex="a")


RESPONSE_FORMATS: list[tuple[Any, ...]] = [
    ("json", "invalid_type", "response_format"),
    (None, "invalid_type", "response_format"),
    ({}, "missing_required_parameter", "response_format.type"),
    ({"type": 1}, "invalid_type", "response_format.type"),
    ({"type": "xml"}, "invalid_value", "response_format.type"),
    ({"type": "text", "schema": {}}, "unknown_parameter", "response_format.schema"),
    ({"type": "json_schema"}, "missing_required_parameter", "response_format.json_schema"),
    (schema_format(name=""), "empty_string", "response_format.json_schema.name"),
    (schema_format(name="a" * 65), "string_above_max_length", "response_format.json_schema.name"),
    (schema_format(name="tide table"), "invalid_value", "response_format.json_schema.name"),
    (schema_format(name="tide\n"), "invalid_value", "response_format.json_schema.name"),
    (schema_format(schema=[]), "invalid_type", "response_format.json_schema.schema"),
    (schema_format(strict="yes"), "invalid_type", "response_format.json_schema.strict"),
    (schema_format(schem={}), "unknown_parameter", "response_format.json_schema.schem"),
]


@pytest.mark.parametrize(("given", "code", "param"), RESPONSE_FORMATS)
def test_a_wrong_response_format_is_refused_at_its_place(given: Any, code: str, param: str) -> None:
    assert refused_chat(response_format=given)[:2] == (code, param)


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ([], "invalid_type", "structured_outputs"),
        ({}, "invalid_value", "structured_outputs"),
        ({"regex": "a", "choice": ["a"]}, "invalid_value", "structured_outputs"),
        ({"json_object": False}, "invalid_value", "structured_outputs.json_object"),
        ({"json": 1}, "invalid_type", "structured_outputs.json"),
        ({"choice": "a"}, "invalid_type", "structured_outputs.choice"),
        ({"choice": ["a", 1]}, "invalid_type", "structured_outputs.choice[1]"),
        ({"regexp": "a"}, "unknown_parameter", "structured_outputs.regexp"),
        ({"regex": "a", "disable_additional_properties": True}, "unsupported_value", "disable_additional_properties"),
    ],
)
def test_wrong_structured_outputs_are_refused_at_their_place(given: Any, code: str, param: str) -> None:
    found_code, found_param, _ = refused_chat(structured_outputs=given)
    assert found_code == code and (found_param or "").endswith(param)


def test_one_request_has_one_form() -> None:
    refused = refused_chat(structured_outputs={"regex": "a"}, response_format={"type": "json_object"})
    assert refused[:2] == ("invalid_value", "structured_outputs")


def test_a_form_excludes_allowed_token_ids() -> None:
    refused = refused_chat(structured_outputs={"regex": "a"}, allowed_token_ids=[5])
    assert refused[:2] == ("invalid_value", "allowed_token_ids")


def test_older_names_point_to_the_newer() -> None:
    code, param, message = refused_chat(guided_regex="a")
    assert (code, param) == ("unknown_parameter", "guided_regex") and "structured_outputs" in message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
likely = st.sampled_from(["type", "json_schema", "json", "regex", "choice", "name", "schema", "strict", "json_object"])
shaped = st.dictionaries(likely, json_values | st.sampled_from(["text", "json_object", "json_schema", True]))


@given(shaped | json_values, st.sampled_from(["response_format", "structured_outputs"]))
def test_whatever_is_sent_makes_a_form_or_one_clear_error(given: Any, field: str) -> None:
    try:
        chat(**{field: given})
    except InvalidRequestError as error:
        found = error
    else:
        return
    assert found.code and found.message and found.param
