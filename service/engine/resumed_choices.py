"""`ResumedChoices`: a resumed request of several choices, each of which has its own past. Imports no vLLM."""

from collections.abc import Callable, Sequence
from typing import Self

from msgspec.structs import replace

from service.engine.base import DeltaStream
from service.engine.deltas import Delta
from service.engine.merged import MergedStream
from service.engine.requests import GenerationRequest
from service.engine.resume import single_choices


class ResumedChoices:
    """A `DeltaStream` of a request that `begin` continues one choice at a time. The first failure ends all."""

    def __init__(self, request: GenerationRequest, begin: Callable[[GenerationRequest], DeltaStream]) -> None:
        self._merged = MergedStream([begin(choice) for choice in single_choices(request)], n=1)
        self._first_told = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        return [self._told_once(delta) for delta in await anext(self._merged)]

    def _told_once(self, delta: Delta) -> Delta:
        """Each choice tells anew what is known of the prompt; it is told with the request's first delta alone."""
        if self._first_told and delta.first is not None:
            return replace(delta, first=None)
        self._first_told = True
        return delta

    async def aclose(self) -> None:
        await self._merged.aclose()
