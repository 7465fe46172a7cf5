"""A caller's request in the gateway's own words: what the API layer parsed, before the engine has seen it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from service.engine.prompts import Renderable
from service.engine.requests import ChatOutput, Sampling
from service.gateway.media.source import ImageSource

Route: TypeAlias = Literal["chat", "completions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One validated request.

    `sampling` makes the engine's parameters once the gateway has settled `max_tokens`; its second argument are the
    model's own defaults. `received` is a monotonic clock's reading when the request's head arrived. Only a `stream`
    has its pieces made one by one.
    """

    id: str
    route: Route
    model: str
    prompt: Renderable
    max_tokens: int | None
    sampling: Callable[[int, Mapping[str, Any]], Sampling]
    received: float
    stream: bool
    images: tuple[ImageSource, ...] = ()
    """What the prompt's parts of type `image` are to be filled with, in their order."""
    chat: ChatOutput | None = None
    trace_headers: Mapping[str, str] = field(default_factory=dict)
