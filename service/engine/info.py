"""What a started engine serves. Part of the seam (`base.py`)."""

from enum import StrEnum
from typing import Any, Literal, TypeAlias

import msgspec


class EmbeddingSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Dimensions of the vectors that an embedding model gives."""

    full: int
    matryoshka: bool = False
    """The model was trained so that the beginning of a vector is a vector too: fewer dimensions may be asked for."""
    choices: tuple[int, ...] = ()
    """The only sizes that a Matryoshka model may be asked for; empty where any will do."""


Task: TypeAlias = Literal["generate", "embed"]


Modality: TypeAlias = Literal["text", "image"]


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
    max_images: int = 0
    """Images that one prompt may hold; none where the model reads only text."""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What prompts may be made of."""
        return ("text", "image") if self.max_images else ("text",)

    @property
    def task(self) -> Task:
        """What the engine does with prompts."""
        return "embed" if self.embeddings else "generate"
