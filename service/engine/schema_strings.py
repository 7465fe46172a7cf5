"""Equal long strings of a schema become one definition that all refer to. Means the same; knows no grammar library.

xgrammar 0.2.8 counts the characters of a bound above 128 at run time. Where equal ones stand in several places it can
no longer tell what follows each, and every token costs 14 ms (vocabulary of 49,000) instead of 0.2 ms, for all of the
batch. A definition is one place; the `anyOf` around it keeps xgrammar from putting it back where it came from.
"""

from typing import Any

from service.engine.schema_keywords import subschemas
from service.engine.schema_lengths import UNROLLED, Lengths

PLAIN = {"type", "minLength", "maxLength", "title", "description", "default", "examples"}
"""Keywords of a string that is nothing but bounded."""


def share_long_strings(schema: Any) -> None:
    """Change the schema in place. One that has no such string stays as it is."""
    if not isinstance(schema, dict):
        return
    found: dict[Lengths, list[dict[str, Any]]] = {}
    todo: list[Any] = [schema]
    while todo:
        each = todo.pop()
        if not isinstance(each, dict):
            continue
        if each is not schema and (lengths := _long(each)) is not None:
            found.setdefault(lengths, []).append(each)
        else:
            todo += subschemas(each)
    for lengths, places in found.items():
        if len(places) > 1:
            _share(schema, lengths, places)


def _long(schema: dict[str, Any]) -> Lengths | None:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if schema.get("type") != "string" or not schema.keys() <= PLAIN:
        return None
    return Lengths(least, most) if isinstance(least, int) and isinstance(most, int) and most > UNROLLED else None


def _share(schema: dict[str, Any], lengths: Lengths, places: list[dict[str, Any]]) -> None:
    definitions = schema.setdefault("$defs", {})
    name = f"string-{lengths.least}-{lengths.most}"
    while name in definitions:
        name += "-"
    for each in places:
        each.clear()
        each["$ref"] = f"#/$defs/{name}"
    definitions[name] = {"anyOf": [lengths.schema()]}
