"""The engine seam: what the rest of the service knows of a model that generates tokens, and nothing else.

Every implementation (vLLM, simulated, either of them in a process of its own) is an `Engine`; the contract that
they share is `tests/engine/contract.py`. What they take and give is beside this: `info.py`, `prompts.py`, `requests.py`
and `deltas.py`. All of it are msgspec structs, so that the same objects travel over the socket between the gateway and
the engine host without being copied into another shape. None of them can be part of a reference cycle, so those made
per token are kept out of the garbage collector (`gc=False`).

Imports neither vLLM nor anything of HTTP.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, Protocol, Self, TypeAlias

import msgspec

from service.engine.deltas import Delta, Embedding
from service.engine.info import EngineInfo
from service.engine.prompts import Prompt, Renderable
from service.engine.requests import EmbeddingRequest, GenerationRequest


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
