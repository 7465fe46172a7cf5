"""The engine seam: what the rest of the service knows of a model that generates tokens, and nothing else.

Every implementation (vLLM, simulated, either of them in a process of its own) is an `Engine`; the contract that
they share is `tests/engine/contract.py`. The dataclasses are msgspec structs, so that the same objects travel over
the socket between the gateway and the engine host without being copied into another shape. None of them can be
part of a reference cycle, so those made per token are kept out of the garbage collector (`gc=False`).

Imports neither vLLM nor anything of HTTP.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Final, Literal, Protocol, Self, TypeAlias

import msgspec


class Phase(StrEnum):
    """Where an engine is in its life. Only `READY` takes requests."""

    STARTING = "starting"
    PREPARING_MODEL = "preparing model"
    IMPORTING = "importing"
    LOADING_WEIGHTS = "loading weights"
    COMPILING = "compiling"
    WARMING_UP = "warming up"
    READY = "ready"
    RESTARTING = "restarting"
    """It died; another is about to take its place."""
    DRAINING = "draining"
    FAILED = "failed"


class Health(msgspec.Struct, frozen=True):
    """An engine's phase, the part of it that is done (0 to 1, None where unknown), and why it failed."""

    phase: Phase
    fraction: float | None = None
    reason: str | None = None


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """How far an engine has come since its start: one that has requests in hand and takes no further step hangs."""

    steps: int
    """Steps of the model, those that only read a part of a long prompt included."""
    running: int
    """Requests in hand, those that wait inside the engine included."""
    slow_step_seconds: float
    """What 99 of 100 recent steps stayed below; 0 before the first step."""


class EmbeddingSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Dimensions of the vectors that an embedding model gives."""

    full: int
    matryoshka: bool = False
    """The model was trained so that the beginning of a vector is a vector too: fewer dimensions may be asked for."""
    choices: tuple[int, ...] = ()
    """The only sizes that a Matryoshka model may be asked for; empty where any will do."""


Task: TypeAlias = Literal["generate", "embed"]


class Resumption(StrEnum):
    """Which requests an engine can go on with after its predecessor's death; see `service.engine.resume`."""

    ALWAYS = "always"
    UNSEEDED = "without a seed"
    NEVER = "never"


class EngineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a started engine serves. Token counts are whole-engine figures."""

    model: str
    served_model_names: tuple[str, ...]
    max_model_len: int
    vocab_size: int
    kv_cache_tokens: int
    max_concurrency: float
    """Requests of `max_model_len` tokens that fit into the KV cache at once."""
    max_num_seqs: int
    tensor_parallel_size: int
    pipeline_parallel_size: int
    data_parallel_size: int
    adapters: tuple[str, ...] = ()
    """LoRA adapters that requests may ask for by these names."""
    version: str
    """Name and version of the engine's library, such as "vllm 0.32.0"."""
    tool_call_parser: str | None = None
    """vLLM's name of the parser of tool calls; without one no tools can be offered."""
    reasoning_parser: str | None = None
    default_sampling: dict[str, Any] = msgspec.field(default_factory=dict)
    """Sampling defaults that the model's own generation_config.json states."""
    resumption: Resumption = Resumption.ALWAYS
    embeddings: EmbeddingSizes | None = None
    """Set where the engine gives embeddings; it generates nothing then."""

    @property
    def task(self) -> Task:
        """What the engine does with prompts."""
        return "embed" if self.embeddings else "generate"


class ChatPrompt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A conversation still to be rendered with the model's chat template and tokenised."""

    messages: list[dict[str, Any]]
    add_generation_prompt: bool = True
    continue_final_message: bool = False
    tools: list[dict[str, Any]] | None = None
    """Tools to describe to the model, in OpenAI's form."""
    template_kwargs: dict[str, Any] = {}
    """Further variables of the chat template, such as `reasoning_effort` and `enable_thinking`."""
    want_token_strings: bool = False
    """Fill `Prompt.token_strings`."""
    unlimited: bool = False
    """Render it even if it is longer than the model's context, as for counting its tokens."""


class TextPrompts(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One or more raw prompts: text still to be tokenised, or token ids to be checked against the vocabulary."""

    prompts: list[str | list[int]]
    add_special_tokens: bool = True
    want_text: bool = False
    """Fill `Prompt.text` even where the prompt was given as token ids (for echo)."""
    want_token_strings: bool = False
    """Fill `Prompt.token_strings`."""
    unlimited: bool = False
    """Render them even if they are longer than the model's context, as for counting their tokens."""
    field: str = "prompt"
    """What the caller calls them; `param` of a refusal."""


Renderable: TypeAlias = ChatPrompt | TextPrompts


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt as the model reads it: token ids, and the text where it was wanted or given."""

    token_ids: list[int]
    text: str | None = None
    token_strings: list[str] | None = None
    """Each token as the tokenizer's vocabulary writes it, where that was wanted."""


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


RESUMING: Final[Sequence[Delta]] = ()
"""In place of deltas: the engine has died, and the stream waits for the next one to go on with."""


class DeltaStream(Protocol):
    """A running generation. Iterating yields all deltas that are ready at once, and nothing else but `RESUMING`.

    The iteration ends after the last choice's `finish_reason`. Raises `EngineDiedError` if the engine dies,
    `EngineUnavailableError` if it is not ready, `InvalidRequestError` if it refuses the request, `InternalError` if it
    fails for this request only.
    """

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> Sequence[Delta]: ...

    async def aclose(self) -> None:
        """Abort the request if it still runs. Idempotent; safe on a stream that was never iterated."""


ReportProgress: TypeAlias = Callable[[Health], None]


class Engine(Protocol):
    """A model that generates tokens. Methods are called from one event loop only."""

    async def start(self, report: ReportProgress) -> EngineInfo:
        """Load the model and return when requests can be served.

        `report` hears of every phase on the way there, of a failure, and after the start of the engine's death;
        readiness itself is told by returning.

        Raises `ConfigurationError` for settings that cannot work and `EngineUnavailableError` for a failed start.
        """

    async def render(self, prompt: Renderable) -> list[Prompt]:
        """Apply the chat template, tokenise, validate ids: one `Prompt` for each given.

        Raises `InvalidRequestError` for what cannot be rendered.
        """

    async def detokenize(self, token_ids: list[int]) -> str:
        """The text that the tokens stand for, special tokens included.

        Raises `InvalidRequestError` for ids outside the vocabulary.
        """

    def generate(self, request: GenerationRequest) -> DeltaStream:
        """Start generating. Does not block and does not raise: errors come out of the stream."""

    async def embed(self, request: EmbeddingRequest) -> Embedding:
        """The prompt's vector. Cancelling the call takes the request out of the engine.

        Raises what a `DeltaStream` raises, for the same reasons.
        """

    async def load_adapter(self, name: str, folder: str) -> tuple[str, ...]:
        """Load the LoRA adapter in a folder and serve it by a name, which must be free; all adapters then served.

        Raises `InvalidRequestError` for one that cannot be served. The engine then goes on as before. At most one
        adapter is loaded or unloaded at a time.
        """

    async def unload_adapter(self, name: str) -> tuple[str, ...]:
        """Serve an adapter no longer; all adapters then served. What generates with it finishes.

        Raises `ModelNotFoundError`.
        """

    def health(self) -> Health:
        """The current phase. Cheap: called on every request."""

    def progress(self) -> Progress | None:
        """How far it has come, or had come when that was last heard; None before it is ready. Cheap."""

    async def metrics(self) -> bytes:
        """The engine's own series in Prometheus text format; empty where there are none."""

    async def aclose(self) -> None:
        """Stop, and leave no process, socket or file behind. Idempotent."""
