"""`EmbeddingsRequest`: the body of POST /v1/embeddings."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Discriminator, Field, Tag

from service.api.schema.not_served import FOR_EMBEDDINGS, NotServed
from service.api.schema.prompt import ID_LISTS, IDS, STRINGS, Text, Tokens, as_list, prompt_shape
from service.api.schema.shapes import STRING
from service.api.schema.token_ids import MAX_TOKEN_ID
from service.api.schema.wire_model import WireModel, without_default
from service.engine.prompts import TextPrompts

MAX_INPUTS: Final = 2048

Inputs = Annotated[
    Annotated[Text, Tag(STRING)]
    | Annotated[list[Text], Field(min_length=1, max_length=MAX_INPUTS, fail_fast=True), Tag(STRINGS)]
    | Annotated[Tokens, Tag(IDS)]
    | Annotated[list[Tokens], Field(min_length=1, max_length=MAX_INPUTS, fail_fast=True), Tag(ID_LISTS)],
    Discriminator(prompt_shape),
]


class EmbeddingsRequest(WireModel):
    """Texts to turn into vectors."""

    not_served: ClassVar[Mapping[str, NotServed]] = FOR_EMBEDDINGS

    model: str = Field(min_length=1, description="A served model's name.")
    input: Inputs = Field(description="A string, token ids, or up to 2048 of either; none may be empty.")
    encoding_format: Literal["float", "base64"] = Field(
        default="float", description="Numbers, or packed little-endian float32 numbers in base64."
    )
    dimensions: Annotated[int, Field(ge=1, le=MAX_TOKEN_ID)] = Field(
        default=0,
        validate_default=False,
        description="Fewer than the model's own, for Matryoshka models.",
        json_schema_extra=without_default,
    )
    user: str = Field(default="", description="Your name for the end user; no effect.")

    @property
    def requested_dimensions(self) -> int | None:
        """None where they are left to the model. OpenAI's field cannot be null."""
        return self.dimensions or None

    def to_prompts(self) -> TextPrompts:
        """The inputs for the engine's renderer; their length is checked once it is known."""
        return TextPrompts(prompts=as_list(self.input), unlimited=True, field="input")
