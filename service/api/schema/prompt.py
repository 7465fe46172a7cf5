"""`prompt` of a completion request: a string, token ids, or a list of either."""

from typing import Annotated, Any, Final

from pydantic import Discriminator, Field, Tag

from service.api.schema.shapes import STRING
from service.api.schema.token_ids import TokenId

MAX_PROMPTS: Final = 128
STRINGS: Final = "(strings)"
IDS: Final = "(ids)"
ID_LISTS: Final = "(lists of ids)"


def prompt_shape(value: Any) -> str | None:
    """The tag of the form that the value has; None for what is none of them."""
    if isinstance(value, str):
        return STRING
    if not isinstance(value, list):
        return None
    # The first element decides what the others have to be.
    match value[:1]:
        case [] | [str()]:
            return STRINGS
        case [list()]:
            return ID_LISTS
        case _:
            return IDS


Text = Annotated[str, Field(min_length=1)]
Tokens = Annotated[list[TokenId], Field(min_length=1, fail_fast=True)]

Prompts = Annotated[
    Annotated[Text, Tag(STRING)]
    | Annotated[list[Text], Field(min_length=1, max_length=MAX_PROMPTS, fail_fast=True), Tag(STRINGS)]
    | Annotated[Tokens, Tag(IDS)]
    | Annotated[list[Tokens], Field(min_length=1, max_length=MAX_PROMPTS, fail_fast=True), Tag(ID_LISTS)],
    Discriminator(prompt_shape),
]


def as_list(prompt: str | list[str] | list[int] | list[list[int]]) -> list[str | list[int]]:
    """One entry per prompt."""
    match prompt:
        case str():
            return [prompt]
        case [int(), *_]:
            return [[token for token in prompt if isinstance(token, int)]]
        case _:
            return [each for each in prompt if not isinstance(each, int)]
