"""What an engine is asked for: a generation or an embedding, and how. Part of the seam (`base.py`)."""

from typing import Any, Literal

import msgspec

from service.engine.prompts import Prompt


class StructuredOutput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A form that the text must have. Exactly one of the forms is set; names and meanings are vLLM's."""

    json: str | None = None
    """A JSON schema, as JSON."""
    json_object: bool | None = None
    """Any JSON object."""
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None
    """A context-free grammar in EBNF."""
    structural_tag: str | None = None
    """xgrammar's structural tag, as JSON: free text with constrained stretches."""
    param: str = "structured_outputs"
    """No form, but the request's field that asked for it, which errors name."""


class Sampling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to draw tokens; names and meanings as in vLLM's SamplingParams. `max_tokens` is always explicit."""

    max_tokens: int
    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    stop: list[str] = []
    stop_token_ids: list[int] = []
    bad_words: list[str] = []
    include_stop_str_in_output: bool = False
    ignore_eos: bool = False
    min_tokens: int = 0
    logprobs: int | None = None
    """Alternatives to report per output token; 0 reports the chosen token only, None reports nothing."""
    prompt_logprobs: int | None = None
    logit_bias: dict[int, float] | None = None
    allowed_token_ids: list[int] | None = None
    structured: StructuredOutput | None = None
    skip_special_tokens: bool = True
    spaces_between_special_tokens: bool = True


class ToolUse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tools that an answer may call, and whether it must. With a choice that forces a call, the text has no other
    form than calls whose arguments fit the tools' schemas.
    """

    tools: list[dict[str, Any]]
    """In OpenAI's form."""
    choice: Literal["auto", "required"] = "auto"
    name: str | None = None
    """The one tool that must be called; only with `required`."""
    parallel: bool = True
    """More than one call may be made."""


class ChatOutput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the text of a chat's answer is to be taken apart into reasoning, content and tool calls."""

    tool_use: ToolUse | None = None
    template_kwargs: dict[str, Any] = {}
    """As in the prompt: some models' reasoning is read differently with them."""


class Emitted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one choice had told before its engine died. `finish_reason` is set where it had ended."""

    token_ids: list[int]
    finish_reason: str | None = None


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One prompt to continue. `id` is ours, unique in the process, and never what a caller sent."""

    id: str
    prompt: Prompt
    sampling: Sampling
    cache_salt: str | None = None
    """Prefix-cache blocks are shared only among requests of equal salt."""
    whole: bool = False
    """Tell each choice in one delta, at its end: nobody reads the pieces, so they need not be made or carried."""
    chat: ChatOutput | None = None
    """None leaves the text as it is: completions, and models without parsers."""
    trace_headers: dict[str, str] | None = None
    """W3C trace context to continue inside the engine."""
    adapter: str | None = None
    """Name of the LoRA adapter to generate with; None for the base model."""
    emitted: list[Emitted] = []
    """One per choice where a request goes on after its engine's death, and never together with `whole`.

    The stream tells these tokens again, from the first on and in pieces of the engine's choice, then what follows
    them, just as if it had never been interrupted. What is told again comes without logprobs; a choice that had
    ended is told again with a finish reason.
    """


class EmbeddingRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One prompt to embed. `id` as in `GenerationRequest`."""

    id: str
    prompt: Prompt
    dimensions: int | None = None
    """Fewer than the model's own; None for those."""
    trace_headers: dict[str, str] | None = None
