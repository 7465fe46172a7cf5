"""The messages between the gateway (`client.py`) and the engine's own process (`host.py`): msgpack, never pickle.

Each message is one frame of `frames.py`. A `call` numbers a question that gets one answer, a `stream` a running
generation; both are chosen by the client. Knows the shapes only; who sends what and when is the business of the two
ends.
"""

from typing import TypeAlias

import msgspec

from service.engine.base import Health, Progress
from service.engine.deltas import Delta, Embedding
from service.engine.info import EngineInfo
from service.engine.prompts import Prompt, Renderable
from service.engine.requests import EmbeddingRequest, GenerationRequest
from service.errors import InternalError, TidegateError, UnavailableError, error_classes


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """An error of `service.errors` in transit."""

    kind: str
    message: str
    param: str | None
    code: str | None
    retry_after: float | None = None

    @classmethod
    def of(cls, error: TidegateError) -> "Failure":
        retry_after = float(error.retry_after) if isinstance(error, UnavailableError) else None
        return cls(type(error).__name__, error.message, error.param, error.code, retry_after)

    def error(self) -> TidegateError:
        """The same error again, of the same class."""
        cls = error_classes().get(self.kind, InternalError)
        if issubclass(cls, UnavailableError) and self.retry_after is not None:
            return cls(self.message, param=self.param, code=self.code, retry_after=self.retry_after)
        return cls(self.message, param=self.param, code=self.code)


class _Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    pass


class Render(_Message, frozen=True):
    call: int
    prompt: Renderable


class Generate(_Message, frozen=True):
    stream: int
    request: GenerationRequest


class Abort(_Message, frozen=True):
    stream: int


class Detokenize(_Message, frozen=True):
    call: int
    token_ids: list[int]


class Embed(_Message, frozen=True):
    call: int
    request: EmbeddingRequest


class CancelCall(_Message, frozen=True):
    """Nobody waits for the answer any more."""

    call: int


class ReadMetrics(_Message, frozen=True):
    call: int


class LoadAdapter(_Message, frozen=True):
    call: int
    name: str
    folder: str


class UnloadAdapter(_Message, frozen=True):
    call: int
    name: str


class Stop(_Message, frozen=True):
    """Close the engine and exit."""


ToHost: TypeAlias = (
    Render | Generate | Abort | Detokenize | Embed | CancelCall | ReadMetrics | LoadAdapter | UnloadAdapter | Stop
)


class Report(_Message, frozen=True):
    """The engine entered a phase, or got further in it."""

    health: Health


class Heartbeat(_Message, frozen=True):
    """The host's event loop turns, and so far its engine has come."""

    progress: Progress


class Started(_Message, frozen=True):
    info: EngineInfo


class StartFailed(_Message, frozen=True):
    failure: Failure


class Rendered(_Message, frozen=True):
    call: int
    prompts: list[Prompt]


class Detokenized(_Message, frozen=True):
    call: int
    text: str


class Embedded(_Message, frozen=True):
    call: int
    embedding: Embedding


class MetricsText(_Message, frozen=True):
    call: int
    text: bytes


class AdaptersServed(_Message, frozen=True):
    call: int
    names: tuple[str, ...]


class CallFailed(_Message, frozen=True):
    call: int
    failure: Failure


class Deltas(_Message, frozen=True, gc=False):
    """Everything that one engine step gave, stream by stream, and the streams that are over with it."""

    items: list[tuple[int, list[Delta]]]
    ended: list[int]


class EncodedDeltas(_Message, frozen=True, tag="Deltas"):
    """`Deltas` as the client reads it: each stream decodes its own, in its own turn."""

    items: list[tuple[int, msgspec.Raw]]
    ended: list[int]


class StreamFailed(_Message, frozen=True):
    stream: int
    failure: Failure


ToClient: TypeAlias = (
    EncodedDeltas
    | Rendered
    | Detokenized
    | Embedded
    | StreamFailed
    | CallFailed
    | MetricsText
    | AdaptersServed
    | Heartbeat
    | Report
    | Started
    | StartFailed
)
