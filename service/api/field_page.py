"""`python -m service.api.field_page [--check]`: writes docs/fields.md, every field of every request, from the models.

The page cannot drift: `--check`, which a test runs, says whether the file is what the models say now.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from service.api.schema import (
    ChatCompletionRequest,
    CompletionRequest,
    DetokenizeRequest,
    EmbeddingsRequest,
    TokenizeRequest,
)
from service.api.schema.wire_model import WireModel
from service.doc_page import cell, write_or_check

PAGE: Final = Path(__file__).parents[2] / "docs" / "fields.md"

ROUTES: Final[Mapping[str, type[WireModel]]] = {
    "/v1/chat/completions": ChatCompletionRequest,
    "/v1/completions": CompletionRequest,
    "/v1/embeddings": EmbeddingsRequest,
    "/tokenize": TokenizeRequest,
    "/detokenize": DetokenizeRequest,
}

HEAD: Final = """\
# Fields of requests

Written by `python -m service.api.field_page`; do not edit. A field that is in none of these tables is refused with
`unknown_parameter`. Values out of bounds are refused with 400, never adjusted.
"""

BOUNDS: Final[Mapping[str, str]] = {
    "minimum": ">= {}",
    "maximum": "<= {}",
    "exclusiveMinimum": "> {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} entries",
    "pattern": "`{}`",
}


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([HEAD, *(_section(route, model) for route, model in ROUTES.items())])


def _section(route: str, model: type[WireModel]) -> str:
    schema = model.model_json_schema()
    rows = [_row(name, member, schema) for name, member in schema["properties"].items()]
    lines = [f"## `POST {route}`\n", "| field | takes | default | meaning |", "|---|---|---|---|", *rows, ""]
    if model.not_served:
        lines += ["Known and refused, unless the value asks for nothing (null, or what is named here):\n"]
        lines += ["| field | why | passes |", "|---|---|---|", *_refused(model), ""]
    return "\n".join(lines)


def _row(name: str, member: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    required = name in schema.get("required", ())
    default = "required" if required else _default(member.get("default"))
    takes = " or ".join(dict.fromkeys(_kinds(member, schema.get("$defs", {}))))
    return f"| `{name}` | {cell(takes)} | {default} | {cell(member.get('description', ''))} |"


def _kinds(member: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in member:
        member = definitions[member["$ref"].rpartition("/")[2]]
    for branch in member.get("anyOf") or member.get("oneOf") or ():
        yield from _kinds(branch, definitions)
    if "enum" in member or "const" in member:
        yield ", ".join(f"`{value}`" for value in member.get("enum", [member.get("const")]))
    elif "type" in member:
        bounds = [text.format(member[bound]) for bound, text in BOUNDS.items() if bound in member]
        yield " ".join([member["type"], *([f"({', '.join(bounds)})"] if bounds else [])])


def _refused(model: type[WireModel]) -> Iterator[str]:
    for name, reason in sorted(model.not_served.items()):
        yield f"| `{name}` | {cell(reason.why)} | {', '.join(map(_shown, reason.harmless))} |"


def _default(value: object) -> str:
    if isinstance(value, dict):
        value = {name: member for name, member in value.items() if member is not None}
    return _shown(None if value == "" else value)


def _shown(value: object) -> str:
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main(words: list[str]) -> int:
    """Write the page, or with --check say whether it is up to date."""
    return write_or_check(PAGE, page(), words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
