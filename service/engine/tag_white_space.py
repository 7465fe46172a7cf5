"""The JSON schemas inside of a structural tag, made fit for the engine as those outside of tags are.

White space needs a bound: without one a model may write it without end between JSON's members, and the engine's own
switch for that (`disable_any_whitespace`) does not reach into tags.
"""

import json
from typing import Any, Final

from service.engine.schema_strings import share_long_strings

MAX_WHITE_SPACE: Final = 1
"""Characters in a row: models are used to one after a comma or a colon."""


def bound_white_space(tag: str) -> str:
    """The same tag with a bound in each of its JSON schemas that has none, and their long strings shared."""
    document = json.loads(tag)
    _visit(document)
    return json.dumps(document)


def _visit(node: Any) -> None:
    if isinstance(node, list):
        for each in node:
            _visit(each)
    elif isinstance(node, dict):
        if node.get("type") == "json_schema" and "json_schema" in node:
            if node.get("max_whitespace_cnt") is None:
                node["max_whitespace_cnt"] = MAX_WHITE_SPACE
            share_long_strings(node["json_schema"])
            return  # what is inside is the caller's schema, not the tag's grammar
        for each in node.values():
            _visit(each)
