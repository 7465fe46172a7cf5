"""What `completion_chunks.py` writes, as types for the OpenAPI document; see `chat_answer.py`."""

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from service.api.completion_chunks import CompletionLogprobs
from service.api.usage import Usage

FinishReason: TypeAlias = Literal["stop", "length"]


class CompletionChoice(Struct, forbid_unknown_fields=True):
    """One continuation."""

    index: Annotated[int, Meta(ge=0)]
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: FinishReason


class Completion(Struct, forbid_unknown_fields=True):
    """The answer to a completion that is not streamed."""

    id: str
    object: Literal["text_completion"]
    created: Annotated[int, Meta(description="Unix time.")]
    model: str
    choices: Annotated[list[CompletionChoice], Meta(min_length=1)]
    usage: Usage


class CompletionChunkChoice(Struct, forbid_unknown_fields=True):
    """A piece of one continuation."""

    index: Annotated[int, Meta(ge=0)]
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: Annotated[FinishReason | None, Meta(description="Set in the last chunk of a choice.")]


class CompletionChunk(Struct, forbid_unknown_fields=True):
    """One event of a streamed completion."""

    id: str
    object: Literal["text_completion"]
    created: Annotated[int, Meta(description="Unix time.")]
    model: str
    choices: Annotated[list[CompletionChunkChoice], Meta(description="Empty in the chunk that carries the usage.")]
    usage: Annotated[Usage | UnsetType | None, Meta(description="Only with `include_usage`; null but at the end.")] = (
        UNSET
    )
    obfuscation: Annotated[str | UnsetType, Meta(description="Only with `include_obfuscation`.")] = UNSET
