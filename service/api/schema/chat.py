"""`ChatCompletionRequest`: the body of POST /v1/chat/completions."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from service.api.schema.message import Message
from service.api.schema.not_served import FOR_CHAT, NotServed
from service.api.schema.refusal import RefusalError
from service.api.schema.sampling_fields import INT64, SamplingFields
from service.engine.base import ChatPrompt


class ChatCompletionRequest(SamplingFields):
    """A conversation to continue."""

    not_served: ClassVar[Mapping[str, NotServed]] = FOR_CHAT

    messages: Annotated[list[Message], Field(min_length=1, max_length=2048, fail_fast=True)] = Field(
        description="The conversation, 1 to 2048 messages."
    )
    max_tokens: int | None = Field(default=None, ge=1, le=INT64, description="Older name of max_completion_tokens.")
    max_completion_tokens: int | None = Field(
        default=None, ge=1, le=INT64, description="Most output tokens per choice; default: what the context leaves."
    )
    logprobs: bool | None = Field(default=None, description="Report the log probability of each output token.")
    top_logprobs: int | None = Field(
        default=None, ge=0, le=20, description="Likeliest tokens to report as well, 0 to 20; only with `logprobs`."
    )
    add_generation_prompt: bool = Field(default=True, description="Let the chat template open the assistant's turn.")
    continue_final_message: bool = Field(
        default=False, description="Leave the last message open and continue it; excludes add_generation_prompt."
    )

    @property
    def requested_max_tokens(self) -> int | None:
        """The newer name wins."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def top_alternatives(self) -> int | None:
        """Per output token; 0 reports the chosen one alone."""
        return (self.top_logprobs or 0) if self.logprobs else None

    @model_validator(mode="after")
    def _chat_fields_agree(self) -> Self:
        if self.top_logprobs and not self.logprobs:
            raise RefusalError(
                "invalid_value",
                "Invalid 'top_logprobs': it is only allowed with 'logprobs' set to true. Set it or leave this out.",
                "top_logprobs",
            )
        opens = self.add_generation_prompt and "add_generation_prompt" in self.model_fields_set
        if self.continue_final_message and opens:
            raise RefusalError(
                "invalid_value",
                "Invalid 'continue_final_message': it excludes 'add_generation_prompt'. Set only one of them to true.",
                "continue_final_message",
            )
        return self

    def to_prompt(self) -> ChatPrompt:
        """The conversation for the engine's renderer."""
        return ChatPrompt(
            messages=[message.rendered() for message in self.messages],
            add_generation_prompt=self.add_generation_prompt and not self.continue_final_message,
            continue_final_message=self.continue_final_message,
        )
