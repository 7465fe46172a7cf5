"""What a setting takes, in words, out of the JSON schema of the tree: "a whole number from 0 to 65535"."""

from collections.abc import Mapping
from typing import Any, Final

from service.settings.keys import section_types

_NOUNS: Final[Mapping[str, str]] = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list of texts",
    "object": "a mapping",
    "null": "null",
}


def allowed(key: str) -> str:
    """What one of our own settings takes. Costs milliseconds: for errors only."""
    section, _, name = key.partition(".")
    return _words(section_types()[section].model_json_schema()["properties"][name])


def _words(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_words(each) for each in schema["anyOf"])
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema["type"] == "string":
        if (shortest := schema.get("minLength", 0)) > 1:
            return f"a secret of {shortest} to {schema['maxLength']} visible ASCII characters"
        return "text that is not empty" if schema.get("minLength") else "text"
    items = schema.get("items", {})
    if what := items.get("description") or ", ".join(items.get("enum", ())):
        return f"a list of {what}"
    if isinstance(values := schema.get("additionalProperties"), dict) and values.get("type") == "string":
        return "a mapping, or name=value,name=value"
    return _NOUNS[schema["type"]] + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    low, above, high = (schema.get(name) for name in ("minimum", "exclusiveMinimum", "maximum"))
    if low is not None and high is not None:
        return f" from {low:g} to {high}"
    lower = f" of at least {low:g}" if low is not None else f" above {above:g}" if above is not None else ""
    return lower + (f" and at most {high:g}" if high is not None else "")
