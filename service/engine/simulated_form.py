"""What the simulated engine writes where a form is asked for: the shortest text that has it, if that is easy to see."""

import json
from collections.abc import Mapping
from typing import Any, Final

from service.engine.requests import StructuredOutput

MAX_PARTS: Final = 200
"""Where an instance is cut off, for a schema may contain itself."""

MAX_LENGTH: Final = 50
"""Longest string and array; a schema that wants more gets less."""


def shortest(wanted: StructuredOutput) -> str | None:
    """Its text; None for a form that takes a grammar library to follow."""
    if wanted.choice:
        return wanted.choice[0]
    if wanted.json_object:
        return "{}"
    if wanted.json is not None:
        schema = json.loads(wanted.json)
        return json.dumps(_Instances(schema).of(schema), separators=(",", ":"))
    return None


class _Instances:
    """Minimal instances of a schema and its parts. Patterns and exact numbers are beyond it."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._parts = 0

    def of(self, schema: Any) -> Any:
        self._parts += 1
        if not isinstance(schema, dict) or self._parts > MAX_PARTS:
            return None
        if isinstance(ref := schema.get("$ref"), str):
            return self.of(self._referred(ref))
        if "const" in schema:
            return schema["const"]
        for several in ("enum", "anyOf", "oneOf", "allOf"):
            if isinstance(options := schema.get(several), list) and options:
                return options[0] if several == "enum" else self.of(options[0])
        return self._typed(schema)

    def _typed(self, schema: Mapping[str, Any]) -> Any:
        kinds = schema.get("type", "object" if "properties" in schema else "null")
        kind = kinds[0] if isinstance(kinds, list) and kinds else kinds
        if kind == "object":
            properties, required = schema.get("properties"), schema.get("required")
            known = properties if isinstance(properties, dict) else {}
            return {
                name: self.of(member)
                for name, member in known.items()
                if isinstance(required, list) and name in required
            }
        if kind == "array":
            return [self.of(schema.get("items")) for _ in range(_length(schema.get("minItems")))]
        if kind == "string":
            return "a" * _length(schema.get("minLength"))
        if kind in ("number", "integer"):
            return schema.get("minimum", schema.get("maximum", 0))
        return True if kind == "boolean" else None

    def _referred(self, ref: str) -> Any:
        found: Any = self._root
        for step in ref.removeprefix("#").strip("/").split("/"):
            if step:
                found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        return found


def _length(given: Any) -> int:
    return min(max(given, 0), MAX_LENGTH) if isinstance(given, int) else 0
