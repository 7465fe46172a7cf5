"""Keywords of JSON Schema that no grammar here enforces: refused by name, because ignoring one would break a promise.

Knows where in a schema other schemas stand, so that a property may be called like a keyword.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from service.engine.grammar_limits import refusal
from service.engine.requests import StructuredOutput

NEVER: Final = (
    "not",
    "if",
    "then",
    "else",
    "contains",
    "minContains",
    "maxContains",
    "uniqueItems",
    "multipleOf",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "$dynamicRef",
    "$recursiveRef",
)
"""xgrammar 0.2.8 ignores them or gives up on them."""

NAMED: Final = ("properties", "patternProperties", "$defs", "definitions")
LISTED: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
SINGLE: Final = ("items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "propertyNames")


def check_keywords(wanted: StructuredOutput, schema: Mapping[str, Any]) -> None:
    """Raise `InvalidRequestError` for the first keyword that would not be enforced."""
    todo: list[Any] = [schema]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            if found := _unenforced(each):
                raise refusal(wanted, f"{found} cannot be enforced here. Leave it out and check the answer yourself.")
            todo += subschemas(each)


def _unenforced(schema: Mapping[str, Any]) -> str | None:
    for keyword in NEVER:
        # Its default asks for nothing.
        if keyword in schema and schema[keyword] is not False:
            return f"'{keyword}'"
    several = schema.get("allOf")
    if isinstance(several, list) and len(several) > 1:
        return "'allOf' with more than one schema"
    for form in ("pattern", "format"):
        for length in ("minLength", "maxLength"):
            if form in schema and length in schema:
                return f"'{length}' beside '{form}'"
    return None


def subschemas(schema: Mapping[str, Any]) -> Iterator[Any]:
    """What stands in a schema where other schemas do, whether or not it is one."""
    for keyword in NAMED:
        if isinstance(named := schema.get(keyword), dict):
            yield from named.values()
    for keyword in LISTED:
        if isinstance(listed := schema.get(keyword), list):
            yield from listed
    for keyword in SINGLE:
        yield schema.get(keyword)
