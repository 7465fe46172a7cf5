"""White space in structural tags: without a bound a model may write it without end between JSON's members.

The engine's own switch for that (`disable_any_whitespace`) covers JSON schemas, but not those inside of a tag.
"""

import json
from typing import Any, Final

MAX_WHITE_SPACE: Final = 1
"""Characters in a row: models are used to one after a comma or a colon."""


def bound_white_space(tag: str) -> str:
    """The same tag with a bound in each of its JSON schemas that has none."""
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
            return  # what is inside is the caller's schema, not the tag's grammar
        for each in node.values():
            _visit(each)
