"""The content of a message: a string, or an array of parts: text, and images (`image_part.py`).

Parts stay dictionaries, as the renderer of chat templates takes them, so a long array costs no objects of our own.
"""

from typing import Annotated, Any, Final

from pydantic import Discriminator, PlainValidator, Tag, WithJsonSchema

from service.api.schema import image_part
from service.api.schema.refusal import KINDS, RefusalError, escaped, shown
from service.api.schema.shapes import ARRAY, STRING, string_or_array

MAX_PARTS: Final = 2048

PART_FIELDS: Final = frozenset({"type", "text", "prompt_cache_breakpoint"})
"""The last one is OpenAI's hint for its own cache; it has no effect here."""


def _parts(given: Any) -> list[dict[str, str]]:
    assert isinstance(given, list)  # the union's tag said so
    if not given:
        raise RefusalError("empty_array", "A message's content must not be an empty array. Send at least one part.")
    if len(given) > MAX_PARTS:
        raise RefusalError(
            "array_above_max_length",
            f"A message's content may have at most {MAX_PARTS} parts, but got {len(given)}. Join some of them.",
        )
    return [_part(part, index) for index, part in enumerate(given)]


def _part(part: Any, index: int) -> dict[str, str]:
    if not isinstance(part, dict):
        raise _wrong("a content part must be an object", part, f"[{index}]")
    match part.get("type"):
        case "text":
            return _text_part(part, index)
        case "image_url":
            return image_part.image_part(part, index)
        case _:
            raise _other_type(part, index)


def _text_part(part: dict[str, Any], index: int) -> dict[str, str]:
    text = part.get("text")
    if not isinstance(text, str):
        raise _wrong("'text' of a content part must be a string", text, f"[{index}].text")
    for name in part.keys() - PART_FIELDS:
        message = f"Unknown parameter: '{escaped(name)}'. Parts of text have only 'type' and 'text'."
        raise RefusalError("unknown_parameter", message, f"[{index}].{name}")
    return {"type": "text", "text": text}


def _other_type(part: dict[str, Any], index: int) -> RefusalError:
    where = f"[{index}].type"
    if "type" not in part:
        return RefusalError(
            "missing_required_parameter", "A content part must have a 'type': 'text' or 'image_url'.", where
        )
    if not isinstance(part["type"], str):
        return _wrong("'type' of a content part must be a string", part["type"], where)
    return RefusalError(
        "unsupported_value",
        f"Content parts of type {shown(part['type'])} are not supported: this server takes text and images. "
        "Send parts of type 'text' or 'image_url'.",
        where,
    )


def _wrong(rule: str, given: object, where: str) -> RefusalError:
    return RefusalError("invalid_type", f"Invalid type: {rule}, but got {KINDS[type(given)]} instead.", where)


PARTS_SCHEMA: Final = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_PARTS,
    "items": {
        "oneOf": [
            {
                "type": "object",
                "properties": {"type": {"const": "text"}, "text": {"type": "string"}, "prompt_cache_breakpoint": {}},
                "required": ["type", "text"],
                "additionalProperties": False,
            },
            image_part.SCHEMA,
        ]
    },
}

Content = Annotated[
    Annotated[str, Tag(STRING)]
    | Annotated[list[dict[str, str]], PlainValidator(_parts), WithJsonSchema(PARTS_SCHEMA), Tag(ARRAY)],
    Discriminator(string_or_array),
]
