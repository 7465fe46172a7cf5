"""`SamplingFields`: what chat and completion requests have in common, and how it becomes the engine's `Sampling`.

OpenAI's fields with OpenAI's limits, and vLLM's sampling extensions under vLLM's names. null is taken where OpenAI's
(or vLLM's) own definition takes it, and means that the field was not given.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from service.api.schema.entries import LogitBias
from service.api.schema.ignored_fields import IgnoredFields
from service.api.schema.refusal import RefusalError
from service.api.schema.response_format import ResponseFormat, TextFormat
from service.api.schema.stream_options import StreamOptions
from service.api.schema.structured_outputs import StructuredOutputs
from service.api.schema.token_ids import MAX_TOKEN_ID, TokenId
from service.api.schema.word_lists import BadWords, Stop
from service.engine.requests import Sampling, StructuredOutput
from service.errors import InvalidRequestError

MAX_CHOICES: Final = 128
INT64: Final = 2**63 - 1

FALLBACKS: Final[Mapping[str, Any]] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
"""What applies where neither the caller nor the model's own generation_config.json says anything."""


class SamplingFields(IgnoredFields):
    """Common fields. Subclasses say how many tokens, choices and log probabilities were asked for."""

    model: str = Field(min_length=1, description="A served model's name.")
    n: int | None = Field(default=None, ge=1, le=MAX_CHOICES, description="Choices per prompt, 1 to 128; default 1.")
    stop: Stop | None = Field(default=None, description="A string, or up to 4, that end the answer.")
    seed: int | None = Field(default=None, ge=-INT64 - 1, le=INT64, description="Seed of the draws, a 64-bit integer.")
    temperature: float | None = Field(default=None, ge=0, le=2, description="0 (greedy) to 2.")
    top_p: float | None = Field(default=None, gt=0, le=1, description="Nucleus to draw from, above 0 to 1.")
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2, description="-2 to 2, per occurrence.")
    presence_penalty: float | None = Field(default=None, ge=-2, le=2, description="-2 to 2, once per token.")
    logit_bias: LogitBias | None = Field(default=None, description="Up to 300 token ids with -100 to 100 each.")
    stream: bool | None = Field(default=None, description="Send the answer in server-sent events.")
    stream_options: StreamOptions | None = Field(default=None, description="Only with `stream`.")

    response_format: ResponseFormat = Field(
        default=TextFormat(type="text"),
        description="`text`, `json_object` or `json_schema`; a schema is always enforced.",
    )
    structured_outputs: StructuredOutputs | None = Field(
        default=None, description="A form that the text must have; excludes `response_format`."
    )

    top_k: int | None = Field(default=None, ge=-1, le=MAX_TOKEN_ID, description="Likeliest tokens; 0 or -1: all.")
    min_p: float | None = Field(
        default=None, ge=0, le=1, description="Least share of the likeliest's probability, 0 to 1."
    )
    repetition_penalty: float | None = Field(default=None, gt=0, le=2, description="Above 0 to 2; 1 is off.")
    min_tokens: int = Field(default=0, ge=0, le=INT64, description="Tokens before a stop counts; at most max_tokens.")
    stop_token_ids: Annotated[list[TokenId], Field(max_length=128, fail_fast=True)] | None = Field(
        default=None, description="Up to 128 token ids that end the answer."
    )
    allowed_token_ids: Annotated[list[TokenId], Field(min_length=1, max_length=1024, fail_fast=True)] | None = Field(
        default=None, description="Up to 1024 token ids; no others are drawn."
    )
    bad_words: BadWords = Field(default=[], description="Up to 128 strings, 512 bytes in all, that must not occur.")
    ignore_eos: bool = Field(default=False, description="Go on after the end-of-sequence token.")
    include_stop_str_in_output: bool = Field(default=False, description="Keep the stop string in the text.")
    skip_special_tokens: bool = Field(default=True, description="Leave special tokens out of the text.")
    spaces_between_special_tokens: bool = Field(default=True, description="Put spaces between special tokens.")

    @property
    def requested_max_tokens(self) -> int | None:
        """Output tokens asked for; None leaves it to the context."""
        raise NotImplementedError

    @property
    def choices(self) -> int:
        """Choices to generate per prompt."""
        return self.n or 1

    @property
    def top_alternatives(self) -> int | None:
        """Likeliest tokens to report with each output token; None reports no log probabilities."""
        return None

    @property
    def prompt_alternatives(self) -> int | None:
        """The same for the prompt's tokens."""
        return None

    @property
    def structured(self) -> StructuredOutput | None:
        """The form that the text must have."""
        asked = self.response_format if self.structured_outputs is None else self.structured_outputs
        return asked.structured()

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a chunk of usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def include_obfuscation(self) -> bool:
        """Whether the chunks of a stream are padded."""
        return self.stream_options is not None and self.stream_options.include_obfuscation

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise RefusalError(
                "invalid_value",
                "Invalid 'stream_options': it is only allowed with 'stream' set to true. Leave it out or stream.",
                "stream_options",
            )
        limit = self.requested_max_tokens
        if limit is not None and self.min_tokens > limit:
            raise RefusalError("invalid_value", _too_many_at_least(self.min_tokens, limit), "min_tokens")
        if self.allowed_token_ids is not None and self.structured is not None:
            raise RefusalError(
                "invalid_value",
                "Invalid 'allowed_token_ids': together with a form of the answer they may leave no token to draw. "
                "Leave one of them out.",
                "allowed_token_ids",
            )
        if self.structured_outputs is not None and self.response_format.type != "text":
            raise RefusalError(
                "invalid_value",
                "Invalid 'structured_outputs': it excludes 'response_format'. Leave one of them out.",
                "structured_outputs",
            )
        return self

    def sampling(self, max_tokens: int, defaults: Mapping[str, Any]) -> Sampling:
        """The engine's parameters. `max_tokens` is what the context allows, `defaults` the model's own.

        Raises `InvalidRequestError` if the context leaves less room than `min_tokens`.
        """
        if self.min_tokens > max_tokens:
            raise InvalidRequestError(
                _too_many_at_least(self.min_tokens, max_tokens), param="min_tokens", code="invalid_value"
            )
        drawn = {name: self._given_or(name, defaults.get(name, value)) for name, value in FALLBACKS.items()}
        return Sampling(
            **{**drawn, "top_k": max(drawn["top_k"], 0)},
            max_tokens=max_tokens,
            n=self.choices,
            seed=self.seed,
            stop=[self.stop] if isinstance(self.stop, str) else self.stop or [],
            stop_token_ids=list(dict.fromkeys([*(self.stop_token_ids or ()), *defaults.get("stop_token_ids", ())])),
            bad_words=self.bad_words,
            include_stop_str_in_output=self.include_stop_str_in_output,
            ignore_eos=self.ignore_eos,
            min_tokens=self.min_tokens,
            logprobs=self.top_alternatives,
            prompt_logprobs=self.prompt_alternatives,
            logit_bias=None if self.logit_bias is None else {int(key): bias for key, bias in self.logit_bias.items()},
            allowed_token_ids=self.allowed_token_ids,
            structured=self.structured,
            skip_special_tokens=self.skip_special_tokens,
            spaces_between_special_tokens=self.spaces_between_special_tokens,
        )

    def _given_or(self, name: str, default: Any) -> Any:
        given = getattr(self, name)
        return default if given is None else given


def _too_many_at_least(min_tokens: int, limit: int) -> str:
    return f"Invalid 'min_tokens': expected at most {limit}, the number of output tokens, but got {min_tokens} instead."
