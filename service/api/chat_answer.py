"""What `chat_chunks.py` writes, as types: for the OpenAPI document, which tests hold against what is really written.

The encoder itself builds no such objects; `UNSET` stands for a member that may be absent.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from service.api.usage import Usage

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "function_call"]


class TopLogprob(Struct, forbid_unknown_fields=True):
    """One of the likeliest tokens of a position."""

    token: str
    logprob: float
    bytes: Annotated[list[Annotated[int, Meta(ge=0, le=255)]], Meta(description="The token's text in UTF-8.")]


class TokenLogprob(Struct, forbid_unknown_fields=True):
    """The token that was drawn at a position."""

    token: str
    logprob: float
    bytes: Annotated[list[Annotated[int, Meta(ge=0, le=255)]], Meta(description="The token's text in UTF-8.")]
    top_logprobs: list[TopLogprob]


class ChatLogprobs(Struct, forbid_unknown_fields=True):
    """Log probabilities of an answer or of a piece of one."""

    content: list[TokenLogprob]
    refusal: None


class AnswerFunction(Struct, forbid_unknown_fields=True):
    """A function and what it is called with."""

    name: str
    arguments: Annotated[str, Meta(description="JSON, if the answer was not cut off in it.")]


class AnswerToolCall(Struct, forbid_unknown_fields=True):
    """A call of a tool."""

    id: str
    type: Literal["function"]
    function: AnswerFunction


class ChatAnswerMessage(Struct, forbid_unknown_fields=True):
    """The assistant's turn."""

    role: Literal["assistant"]
    content: Annotated[str | None, Meta(description="null where there are only calls.")]
    refusal: None
    reasoning: Annotated[str | UnsetType, Meta(description="Only of models that reason.")] = UNSET
    reasoning_content: Annotated[str | UnsetType, Meta(description="The same under its older name.")] = UNSET
    tool_calls: list[AnswerToolCall] | UnsetType = UNSET
    function_call: Annotated[AnswerFunction | UnsetType, Meta(description="For requests with `functions`.")] = UNSET


class ChatChoice(Struct, forbid_unknown_fields=True):
    """One answer."""

    index: Annotated[int, Meta(ge=0)]
    message: ChatAnswerMessage
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason


class ChatCompletion(Struct, forbid_unknown_fields=True):
    """The answer to a chat completion that is not streamed."""

    id: str
    object: Literal["chat.completion"]
    created: Annotated[int, Meta(description="Unix time.")]
    model: str
    choices: Annotated[list[ChatChoice], Meta(min_length=1)]
    usage: Usage


class FunctionPiece(Struct, forbid_unknown_fields=True):
    """A further piece of a call."""

    arguments: str
    name: Annotated[str | UnsetType, Meta(description="In the first piece.")] = UNSET


class ToolCallPiece(Struct, forbid_unknown_fields=True):
    """A further piece of the call with this index."""

    index: Annotated[int, Meta(ge=0)]
    function: FunctionPiece
    id: Annotated[str | UnsetType, Meta(description="In the first piece.")] = UNSET
    type: Annotated[Literal["function"] | UnsetType, Meta(description="In the first piece.")] = UNSET


class ChatDelta(Struct, forbid_unknown_fields=True):
    """What has been added to a choice; nothing in its last chunk."""

    role: Annotated[Literal["assistant"] | UnsetType, Meta(description="In the first chunk of a choice.")] = UNSET
    content: str | UnsetType = UNSET
    reasoning: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ToolCallPiece] | UnsetType = UNSET
    function_call: FunctionPiece | UnsetType = UNSET


class ChatChunkChoice(Struct, forbid_unknown_fields=True):
    """A piece of one answer."""

    index: Annotated[int, Meta(ge=0)]
    delta: ChatDelta
    logprobs: ChatLogprobs | None
    finish_reason: Annotated[FinishReason | None, Meta(description="Set in the last chunk of a choice.")]


class ChatCompletionChunk(Struct, forbid_unknown_fields=True):
    """One event of a streamed chat completion."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: Annotated[int, Meta(description="Unix time.")]
    model: str
    choices: Annotated[list[ChatChunkChoice], Meta(description="Empty in the chunk that carries the usage.")]
    usage: Annotated[Usage | UnsetType | None, Meta(description="Only with `include_usage`; null but at the end.")] = (
        UNSET
    )
    obfuscation: Annotated[str | UnsetType, Meta(description="Only with `include_obfuscation`.")] = UNSET
