"""The bound on white space inside of structural tags."""

import json

import pytest

from service.engine.tag_white_space import bound_white_space

SCHEMA = {"type": "object", "properties": {"type": {"const": "json_schema"}}}


@pytest.mark.parametrize(
    ("given", "bound"), [({}, 1), ({"max_whitespace_cnt": None}, 1), ({"max_whitespace_cnt": 4}, 4)]
)
def test_every_schema_of_a_tag_gets_a_bound_unless_it_has_one(given: dict[str, int], bound: int) -> None:
    inner = {"type": "json_schema", "json_schema": SCHEMA}
    tags = [{"type": "tag", "begin": "<a>", "content": {**inner, **given}, "end": "</a>"}]
    tag = {"format": {"type": "triggered_tags", "triggers": ["<a>"], "tags": tags}}
    (made,) = json.loads(bound_white_space(json.dumps(tag)))["format"]["tags"]
    assert made["content"] == {**inner, "max_whitespace_cnt": bound}


def test_the_schema_itself_stays_as_it_is() -> None:
    schema = {"enum": [{"type": "json_schema", "json_schema": {}}]}
    tag = {"format": {"type": "json_schema", "json_schema": schema}}
    assert json.loads(bound_white_space(json.dumps(tag)))["format"]["json_schema"] == schema
