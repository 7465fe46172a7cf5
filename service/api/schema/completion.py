"""`CompletionRequest`: the body of POST /v1/completions."""

from collections.abc import Mapping
from typing import ClassVar, Final, Self

from pydantic import Field, model_validator

from service.api.schema.not_served import FOR_COMPLETIONS, NotServed
from service.api.schema.prompt import Prompts, as_list
from service.api.schema.refusal import RefusalError
from service.api.schema.sampling_fields import INT64, MAX_CHOICES, SamplingFields
from service.engine.prompts import TextPrompts

DEFAULT_MAX_TOKENS: Final = 16


class CompletionRequest(SamplingFields):
    """Raw prompts to continue."""

    not_served: ClassVar[Mapping[str, NotServed]] = FOR_COMPLETIONS

    prompt: Prompts = Field(description="A string, token ids, or up to 128 of either; none may be empty.")
    max_tokens: int | None = Field(
        default=None, ge=0, le=INT64, description="Most output tokens per choice; default 16; 0 only with `echo`."
    )
    best_of: int | None = Field(
        default=None, ge=1, le=20, description="Choices to generate, 1 to 20, of which the best `n` are returned."
    )
    echo: bool | None = Field(default=None, description="Return the prompt before the text.")
    logprobs: int | None = Field(
        default=None, ge=0, le=5, description="Report log probabilities, with 0 to 5 likeliest tokens each."
    )
    add_special_tokens: bool = Field(default=True, description="Let the tokenizer add its special tokens.")

    @property
    def requested_max_tokens(self) -> int:
        """Never left to the context: completions have a default of their own."""
        return DEFAULT_MAX_TOKENS if self.max_tokens is None else self.max_tokens

    @property
    def choices(self) -> int:
        """All that are generated, of which `n` are returned."""
        return self.best_of or self.n or 1

    @property
    def top_alternatives(self) -> int | None:
        """Per output token; 0 reports the chosen one alone."""
        # The best of several are those of the highest log probability, so the chosen tokens' are needed.
        needed = 0 if self.choices > (self.n or 1) else None
        return needed if self.logprobs is None else self.logprobs

    @property
    def prompt_alternatives(self) -> int | None:
        """An echoed prompt is scored as the output is."""
        return self.logprobs if self.echo else None

    @model_validator(mode="after")
    def _completion_fields_agree(self) -> Self:
        if self.max_tokens == 0 and not self.echo:
            raise RefusalError(
                "integer_below_min_value",
                "Invalid 'max_tokens': expected a value >= 1, but got 0 instead. 0 is only allowed with 'echo'.",
                "max_tokens",
            )
        self._check_best_of()
        self._check_choices()
        return self

    def _check_best_of(self) -> None:
        n = self.n or 1
        if self.best_of is None or self.best_of == n:
            return
        if self.best_of < n:
            raise RefusalError(
                "invalid_value",
                f"Invalid 'best_of': expected at least {n}, the value of 'n', but got {self.best_of} instead.",
                "best_of",
            )
        if self.stream:
            raise RefusalError(
                "invalid_value",
                f"Invalid 'best_of': the best {n} of {self.best_of} cannot be streamed, for they are known only at the "
                "end. Leave out 'best_of' or 'stream'.",
                "best_of",
            )

    def _check_choices(self) -> None:
        choices = self.choices * len(as_list(self.prompt))
        if choices > MAX_CHOICES:
            asked = "n" if self.best_of is None else "best_of"
            raise RefusalError(
                "invalid_value",
                f"Invalid '{asked}': expected at most {MAX_CHOICES} choices over all prompts, but got {choices}. "
                "Ask for fewer choices or send fewer prompts.",
                asked,
            )

    def to_prompt(self) -> TextPrompts:
        """The prompts for the engine's renderer, with their text if it is to be repeated."""
        return TextPrompts(
            prompts=as_list(self.prompt), add_special_tokens=self.add_special_tokens, want_text=bool(self.echo)
        )
