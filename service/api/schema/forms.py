"""Objects that have several forms, as JSON schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

NULL: Final = {"type": "null"}


@dataclass(frozen=True, slots=True)
class Form:
    """One form: the fields whose schema is another in it, and what it asks of further ones."""

    fields: Mapping[str, Any]
    never_null: tuple[str, ...] = ()
    never_empty: tuple[str, ...] = ()
    """Nor null."""
    given: tuple[str, ...] = ()
    """Be it as null."""
    leaves_out: frozenset[str] = frozenset()


def in_forms(schema: Mapping[str, Any], forms: Sequence[Form]) -> dict[str, Any]:
    """The schema of an object, as any one of its forms."""
    about = {name: schema[name] for name in ("title", "description") if name in schema}
    return {**about, "anyOf": [_in_form(schema, form) for form in forms]}


def _in_form(schema: Mapping[str, Any], form: Form) -> dict[str, Any]:
    members = {name: member for name, member in schema["properties"].items() if name not in form.leaves_out}
    for name, special in form.fields.items():
        members[name] = {"description": members[name]["description"], **special}
    for name in (*form.never_null, *form.never_empty):
        members[name] = _not_null(members[name])
    for name in form.never_empty:
        members[name] |= {"minItems": 1} if members[name].get("type") == "array" else {}
        members[name] |= {"minLength": 1} if members[name].get("type") == "string" else {}
    required = dict.fromkeys([*schema.get("required", ()), *form.never_null, *form.never_empty, *form.given])
    closed = {"type": "object", "additionalProperties": False}
    return {**closed, "properties": members, "required": list(required)}


def _not_null(member: Mapping[str, Any]) -> dict[str, Any]:
    others = {name: value for name, value in member.items() if name not in ("anyOf", "default")}
    branches = [branch for branch in member.get("anyOf", ()) if branch != NULL]
    return {**others, **(branches[0] if len(branches) == 1 else {"anyOf": branches} if branches else {})}
