"""`response_format`: OpenAI's way to ask for JSON, with or without a schema."""

import json
import re
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from service.api.schema.refusal import KINDS, RefusalError, shown
from service.api.schema.wire_model import WireModel
from service.engine.requests import StructuredOutput

PARAM: Final = "response_format"
TYPES: Final = ("text", "json_object", "json_schema")
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+")


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise RefusalError(
            "invalid_value",
            f"Invalid name {shown(name)}: a schema's name may have letters, digits, '_' and '-' only.",
        )
    return name


class TextFormat(WireModel):
    """Free text."""

    type: Literal["text"] = Field(description="Free text, as without `response_format`.")

    def structured(self) -> None:
        """No form is asked for."""


class JsonObjectFormat(WireModel):
    """Any JSON object."""

    type: Literal["json_object"] = Field(description="Some JSON object.")

    def structured(self) -> StructuredOutput:
        """The engine's terms."""
        return StructuredOutput(json_object=True, param=PARAM)


class JsonSchema(WireModel):
    """A named schema."""

    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_named)] = Field(
        description="1 to 64 letters, digits, '_' and '-'.", json_schema_extra={"pattern": f"^{_NAME.pattern}$"}
    )
    description: str | None = Field(default=None, description="What it is for; no effect.")
    schema_: dict[str, Any] = Field(default={"type": "object"}, alias="schema", description="The JSON schema.")
    strict: bool | None = Field(default=None, description="No effect: the schema is always enforced.")


class JsonSchemaFormat(WireModel):
    """JSON of a given schema."""

    type: Literal["json_schema"] = Field(description="JSON of the given schema.")
    json_schema: JsonSchema = Field(description="The schema and its name.")

    def structured(self) -> StructuredOutput:
        """The engine's terms."""
        return StructuredOutput(json=as_json(self.json_schema.schema_), param=PARAM)


def as_json(document: dict[str, Any]) -> str:
    """Members keep their order, which is the order in which they are generated."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _known(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        message = f"Invalid type for '{PARAM}': expected an object, but got {KINDS[type(given)]} instead."
        raise RefusalError("invalid_type", message)
    if "type" not in given:
        raise RefusalError("missing_required_parameter", f"Missing required parameter: '{PARAM}.type'.", "type")
    kind = given["type"]
    if not isinstance(kind, str):
        message = f"Invalid type for '{PARAM}.type': expected a string, but got {KINDS[type(kind)]} instead."
        raise RefusalError("invalid_type", message, "type")
    if kind not in TYPES:
        raise RefusalError(
            "invalid_value",
            f"Invalid value: {shown(kind)}. Supported values are: 'text', 'json_object' and 'json_schema'; "
            "for other forms use 'structured_outputs'.",
            "type",
        )
    return given


def _tag(known: dict[str, Any]) -> str:
    return f"({known['type']})"


ResponseFormat: TypeAlias = Annotated[
    Annotated[TextFormat, Tag("(text)")]
    | Annotated[JsonObjectFormat, Tag("(json_object)")]
    | Annotated[JsonSchemaFormat, Tag("(json_schema)")],
    Discriminator(_tag),
    BeforeValidator(_known),
]
