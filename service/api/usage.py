"""OpenAI's `usage` object."""

from typing import Self

import msgspec

from service.gateway.generation import Generation


class PromptDetails(msgspec.Struct, frozen=True):
    """Of the tokens read."""

    cached_tokens: int
    audio_tokens: int = 0


class CompletionDetails(msgspec.Struct, frozen=True):
    """Of the tokens written."""

    reasoning_tokens: int = 0
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class Usage(msgspec.Struct, frozen=True):
    """Tokens read and written for one request, over all of its choices."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails = CompletionDetails()

    @classmethod
    def of(cls, generation: Generation) -> Self:
        """The usage of a generation so far."""
        prompt, completion = generation.prompt_tokens, generation.completion_tokens
        return cls(
            prompt,
            completion,
            prompt + completion,
            PromptDetails(generation.cached_tokens),
            CompletionDetails(generation.reasoning_tokens),
        )
