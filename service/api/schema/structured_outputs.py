"""`structured_outputs`: vLLM's way to ask for a form, which may be other than JSON."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from service.api.schema.not_served import NotServed
from service.api.schema.refusal import KINDS, RefusalError
from service.api.schema.response_format import as_json
from service.api.schema.wire_model import WireModel
from service.engine.requests import StructuredOutput

PARAM: Final = "structured_outputs"
FORMS: Final = ("json_", "json_object", "regex", "choice", "grammar", "structural_tag")
ALWAYS_COMPACT: Final = NotServed("JSON is always written without optional white space", (True, False))


def _text(given: Any) -> Any:
    if isinstance(given, dict):
        return as_json(given)
    if not isinstance(given, str):
        message = f"Invalid type: expected a JSON object, or one in a string, but got {KINDS[type(given)]} instead."
        raise RefusalError("invalid_type", message)
    return given


JsonText = Annotated[
    str,
    BeforeValidator(_text),
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string", "description": "JSON of an object"}]}),
]


class StructuredOutputs(WireModel):
    """Exactly one of these."""

    not_served: ClassVar[Mapping[str, NotServed]] = {
        "disable_any_whitespace": ALWAYS_COMPACT,
        "whitespace_pattern": ALWAYS_COMPACT,
        "disable_additional_properties": NotServed("the schema itself says it, with 'additionalProperties'", (False,)),
    }

    json_: JsonText | None = Field(default=None, alias="json", description="A JSON schema.")
    json_object: bool | None = Field(default=None, description="true: some JSON object.")
    regex: str | None = Field(default=None, description="A regular expression that all of the text must match.")
    choice: Annotated[list[str], Field(fail_fast=True)] | None = Field(
        default=None, description="1 to 1000 strings of which the text is one."
    )
    grammar: str | None = Field(default=None, description="A context-free grammar in EBNF, or in Lark's syntax.")
    structural_tag: JsonText | None = Field(default=None, description="xgrammar's structural tag.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in FORMS if getattr(self, name) is not None]
        if len(given) != 1:
            raise RefusalError(
                "invalid_value",
                f"Invalid '{PARAM}': expected exactly one of 'json', 'json_object', 'regex', 'choice', 'grammar' and "
                f"'structural_tag', but got {len(given)}. Give one of them.",
            )
        if self.json_object is False:
            raise RefusalError(
                "invalid_value",
                f"Invalid '{PARAM}.json_object': only true asks for anything. Leave it out.",
                "json_object",
            )
        return self

    def structured(self) -> StructuredOutput:
        """The engine's terms."""
        return StructuredOutput(
            json=self.json_,
            json_object=self.json_object,
            regex=self.regex,
            choice=self.choice,
            grammar=self.grammar,
            structural_tag=self.structural_tag,
            param=PARAM,
        )
