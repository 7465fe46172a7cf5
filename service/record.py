"""`RequestRecord`: what one request leaves in the access log. Filled on its way, written once at its end."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.types import Scope

from service.telemetry import Outcome, Route

if TYPE_CHECKING:
    from service.gateway.embedding import EmbeddingJob
    from service.gateway.generation import Generation

_KEY = "tidegate.record"


@dataclass(slots=True)
class RequestRecord:
    """One request. `received` is a monotonic clock's reading. Nothing here is what a user wrote but a served model's
    name.
    """

    id: str
    received: float = field(default_factory=time.monotonic)
    status: int = 0
    route: Route = "other"
    model: str | None = None
    outcome: Outcome | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    counted: bool = False
    """The metrics have this request already, from its generation."""
    is_probe: bool = False
    """A health check or a scrape: neither counted nor logged, unless at debug level."""

    def attach(self, scope: Scope) -> None:
        """Make this the record of the request that `scope` describes."""
        scope[_KEY] = self

    @classmethod
    def of(cls, scope: Scope) -> "RequestRecord":
        """The record of a request."""
        record: RequestRecord = scope[_KEY]
        return record

    @classmethod
    def find(cls, scope: Scope) -> "RequestRecord | None":
        """The record of a request, if it is one that is logged."""
        return scope.get(_KEY)

    def conclude(self) -> Outcome:
        """How the request ended, by its status where nobody has said; one never answered was given up by its client."""
        if self.outcome is None:
            outcomes: tuple[Outcome, ...] = ("cancelled", "ok", "ok", "ok", "client_error", "server_error")
            self.outcome = "unavailable" if self.status == 503 else outcomes[self.status // 100]
        return self.outcome

    def settle(self, generation: "Generation | EmbeddingJob") -> None:
        """Take the figures of a generation, or of embeddings, now that it is over."""
        self.counted = True
        self.outcome = generation.outcome
        self.prompt_tokens = generation.prompt_tokens
        self.completion_tokens = generation.completion_tokens
        self.cached_tokens = generation.cached_tokens
