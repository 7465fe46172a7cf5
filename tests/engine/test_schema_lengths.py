"""Bounded strings in schemas: which of them cost the grammar library states of their own."""

import json

import pytest

from service.engine.schema_lengths import Lengths, costly_lengths


@pytest.mark.parametrize(
    ("schema", "lengths"),
    [
        ({"maxLength": 128}, []),
        ({"maxLength": 129}, [Lengths(0, 129)]),
        ({"minLength": 1, "maxLength": 200}, [Lengths(1, 200)]),
        ({"minLength": 8, "maxLength": 20}, []),
        ({"minLength": 9, "maxLength": 20}, [Lengths(9, 20)]),
        ({"minLength": 300}, [Lengths(300, None)]),
        ({"maxLength": "long"}, []),
        ({"properties": {"maxLength": {"maxLength": 500}}}, [Lengths(0, 500)]),
    ],
)
def test_what_is_beyond_the_usual_bounds_is_costly(schema: dict[str, object], lengths: list[Lengths]) -> None:
    assert costly_lengths(json.dumps(schema)) == lengths


def test_each_is_named_once_and_the_costliest_first() -> None:
    strings = [{"maxLength": 200}, {"minLength": 20}, {"maxLength": 200}, {"minLength": 10, "maxLength": 200}]
    tag = {"format": {"json_schema": {"anyOf": strings}}}
    assert costly_lengths(json.dumps(tag)) == [Lengths(10, 200), Lengths(0, 200), Lengths(20, None)]
