"""Types of answers as JSON schema. Everything that an answer has is declared, and nothing else is in it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

TEMPLATE: Final = "#/components/schemas/{name}"


def answer_schemas(answers: Iterable[type[msgspec.Struct]]) -> dict[str, Any]:
    """The schemas of these types and of all inside them, by name."""
    _, components = msgspec.json.schema_components(answers, ref_template=TEMPLATE)
    return {name: _always_complete(schema) for name, schema in components.items()}


def reference(answer: type[msgspec.Struct]) -> dict[str, str]:
    """Where the document has this type."""
    ((schema,), _) = msgspec.json.schema_components([answer], ref_template=TEMPLATE)
    return {"$ref": schema["$ref"]}


def _always_complete(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "properties" not in schema:
        return dict(schema)
    # A default is what the encoder writes where nothing else was given; only what is unset is left out.
    members = {
        name: {key: value for key, value in member.items() if key != "default"}
        for name, member in schema["properties"].items()
    }
    defaulted = [name for name, member in schema["properties"].items() if "default" in member]
    return {
        **schema,
        "properties": members,
        "required": [*schema["required"], *defaulted],
        "additionalProperties": False,
    }
