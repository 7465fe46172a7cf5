"""Equal long strings are written once."""

import copy
import json
from typing import Any

import pytest

from service.engine.schema_strings import share_long_strings
from service.engine.tag_white_space import bound_white_space

LONG = {"type": "string", "maxLength": 500}
REF = {"$ref": "#/$defs/string-0-500"}
SHARED = {"string-0-500": {"anyOf": [{"type": "string", "minLength": 0, "maxLength": 500}]}}


def shared(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema after sharing; the one that is given stays as it is."""
    changed = copy.deepcopy(schema)
    share_long_strings(changed)
    return changed


def test_equal_long_strings_refer_to_one_definition() -> None:
    nullable = {"anyOf": [{**LONG, "title": "B"}, {"type": "null"}]}
    schema = {"properties": {"a": LONG, "b": nullable, "c": {"type": "array", "items": LONG}}}
    assert shared(schema) == {
        "properties": {"a": REF, "b": {"anyOf": [REF, {"type": "null"}]}, "c": {"type": "array", "items": REF}},
        "$defs": SHARED,
    }


@pytest.mark.parametrize(
    "string",
    [
        {"type": "string", "maxLength": 128},
        {"type": "string", "maxLength": 500, "enum": ["a"]},
        {"maxLength": 500},
        {"type": ["string", "null"], "maxLength": 500},
    ],
)
def test_others_stay_where_they_are(string: dict[str, Any]) -> None:
    schema = {"properties": {"a": string, "b": string, "c": LONG}, "enum": [LONG, LONG]}
    assert shared(schema) == schema


def test_a_definition_of_the_callers_own_keeps_its_name() -> None:
    schema = {"$defs": {"string-0-500": {"type": "null"}}, "properties": {"a": LONG, "b": LONG}}
    changed = shared(schema)
    assert changed["$defs"]["string-0-500"] == {"type": "null"}
    assert changed["properties"]["a"] == {"$ref": "#/$defs/string-0-500-"}


def test_so_are_those_of_the_schemas_in_a_tag() -> None:
    tag = {"format": {"type": "json_schema", "json_schema": {"properties": {"a": LONG, "b": LONG}}}}
    made = json.loads(bound_white_space(json.dumps(tag)))["format"]["json_schema"]
    assert made == {"properties": {"a": REF, "b": REF}, "$defs": SHARED}
