"""Caps on structured outputs, and the keywords that nothing enforces."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.grammar_limits import check_limits
from service.engine.requests import StructuredOutput
from service.engine.schema_keywords import check_keywords
from service.errors import InvalidRequestError


def nested(levels: int) -> dict[str, Any]:
    """A schema of so many levels of JSON."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels - 1):
        schema = {"not": schema}
    return schema


def schema(document: Any) -> StructuredOutput:
    """The form that a schema asks for."""
    return StructuredOutput(json=json.dumps(document), param="response_format")


ALLOWED = [
    StructuredOutput(json_object=True),
    StructuredOutput(choice=["a"] * 1000),
    StructuredOutput(choice=[""]),
    StructuredOutput(regex="a" * 8192),
    StructuredOutput(regex=".{1,1000}"),
    StructuredOutput(regex=r"([a-z]+ )*(a+b)+(?:[0-9]{2})+\(a+\)+(a|b+)*"),
    StructuredOutput(regex=""),
    StructuredOutput(grammar='root ::= "a"'),
    StructuredOutput(structural_tag="{}"),
    schema(nested(64)),
    schema({"enum": ["a"] * 1000}),
    schema({"properties": {str(i): {} for i in range(5000)}}),
    schema({"pattern": "a" * 1024}),
    schema({"$ref": "#/$defs/a", "$defs": {"a": {}}}),
    schema({"properties": {"$ref": {"type": "string"}, "enum": {}, "pattern": {}, "properties": {}}}),
]

REFUSED = [
    (StructuredOutput(choice=[]), "empty"),
    (StructuredOutput(choice=["a"] * 1001), "1000 values of 'choice'"),
    (StructuredOutput(choice=["a" * 70000]), "65536 bytes"),
    (StructuredOutput(choice=["a\0"]), "NUL"),
    (StructuredOutput(regex="a" * 100_000), "8192 bytes of 'regex', but got 100000"),
    (StructuredOutput(regex="a\0"), "NUL"),
    (StructuredOutput(regex="a{1001}"), "1000 repetitions"),
    (StructuredOutput(regex="a{2,1001}"), "1000 repetitions"),
    (StructuredOutput(regex="a{" + "9" * 5000 + "}"), "1000 repetitions"),
    (StructuredOutput(regex="(a+)+b"), "'(a+)+'"),
    (StructuredOutput(regex=r"x(?:[a-z\]]*)*"), "'(a+)+'"),
    (schema({"pattern": r"(\d+)*"}), "'(a+)+'"),
    (StructuredOutput(grammar=""), "empty"),
    (StructuredOutput(grammar=" \n"), "empty"),
    (StructuredOutput(grammar="a" * 70000), "65536 bytes"),
    (StructuredOutput(json=""), "empty"),
    (StructuredOutput(json="{"), "not valid JSON"),
    (StructuredOutput(json="[" * 100_000), "not valid JSON"),
    (StructuredOutput(json='{"a":1,"a":NaN}'), "not valid JSON"),
    (StructuredOutput(json="[]"), "must be a JSON object"),
    (StructuredOutput(structural_tag="1"), "must be a JSON object"),
    (schema(nested(65)), "64 levels"),
    (schema({"enum": ["a"] * 100_000}), "bytes of 'json'"),
    (schema({"anyOf": [{"enum": ["a"] * 600}] * 2}), "1000 values of 'enum'"),
    (schema({"properties": {str(i): {} for i in range(5001)}}), "5000 properties"),
    (schema({"items": {"pattern": "a" * 1025}}), "1024 bytes of 'pattern'"),
    (schema({"items": {"pattern": "a\0"}}), "NUL"),
    (schema({"items": {"pattern": "a{1,2000}"}}), "1000 repetitions"),
    (schema({"items": [{"$ref": "http://example.com/a.json"}]}), "'$ref'"),
    (schema({"$ref": "file:///etc/passwd"}), "'$ref'"),
]


@pytest.mark.parametrize("wanted", ALLOWED)
def test_what_is_within_the_limits_passes(wanted: StructuredOutput) -> None:
    check_limits(wanted)


@pytest.mark.parametrize(("wanted", "words"), REFUSED)
def test_what_is_over_a_limit_is_refused_by_name(wanted: StructuredOutput, words: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        check_limits(wanted)
    assert (refused.value.code, refused.value.param) == ("invalid_json_schema", wanted.param)
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"items": {"multipleOf": 3}}, "'multipleOf'"),
        ({"properties": {"a": {"not": {}}}}, "'not'"),
        ({"$defs": {"a": {"uniqueItems": True}}}, "'uniqueItems'"),
        ({"anyOf": [{"if": {}}]}, "'if'"),
        ({"allOf": [{}, {}]}, "'allOf' with more than one schema"),
        ({"type": "string", "pattern": "a", "maxLength": 3}, "'maxLength' beside 'pattern'"),
    ],
)
def test_a_keyword_that_nothing_enforces_is_refused_by_name(document: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        check_keywords(schema(document), document)


def test_a_property_may_be_called_like_a_keyword() -> None:
    document = {"properties": {"not": {}, "multipleOf": {}, "if": {}}, "enum": [{"not": 1}], "uniqueItems": False}
    check_keywords(schema(document), document)


@given(st.text(), st.sampled_from(["json", "regex", "grammar", "structural_tag"]))
def test_whatever_the_text_is_the_limits_say_yes_or_no(text: str, form: str) -> None:
    try:
        check_limits(StructuredOutput(**{form: text}))
    except InvalidRequestError as error:
        found = error
    else:
        return
    assert found.code == "invalid_json_schema"
