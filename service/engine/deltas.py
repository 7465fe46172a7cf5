"""What an engine gives: pieces of a generation, and embeddings. Part of the seam (`base.py`)."""

import msgspec


class Embedding(msgspec.Struct, frozen=True, array_like=True):
    """The vector of one prompt: little-endian float32 numbers, packed."""

    vector: bytes
    prompt_tokens: int
    cached_tokens: int = 0
    """Prompt tokens that the prefix cache supplied."""


class TokenLogprob(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A token with its log probability (natural logarithm)."""

    token: str
    token_id: int
    logprob: float


class PositionLogprobs(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The chosen token of one position, and the most likely ones, best first."""

    chosen: TokenLogprob
    top: list[TokenLogprob]


class ToolCallPart(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A piece of a streamed tool call: `name` and `id` come once, `arguments` in fragments."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


class FirstDelta(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known once the prompt has been read; travels with a request's first delta."""

    cached_tokens: int
    """Prompt tokens that the prefix cache supplied."""
    queued_seconds: float | None
    """Time the request spent waiting inside the engine; None where the engine does not say."""
    prompt_logprobs: list[PositionLogprobs | None] | None = None
    """One entry per prompt token; the first is None, for nothing precedes it."""


class Delta(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one engine step added to one choice.

    `text` may be empty (half of a multi-byte character, or text held back because a stop string may be forming);
    `token_ids` are the tokens of this step all the same. `finish_reason` is set on a choice's last delta only.
    """

    index: int
    text: str
    token_ids: list[int]
    finish_reason: str | None = None
    """`stop` or `length`."""
    stop_reason: int | str | None = None
    """The stop string, or the stop token's id, that ended the choice."""
    logprobs: list[PositionLogprobs] | None = None
    first: FirstDelta | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCallPart] | None = None
    reasoning_tokens: int = 0
    """Tokens of the whole choice that were reasoning; told with its last delta."""
