"""`ResumedChoices`: a resumed request of several choices, each of which has its own past. Imports no vLLM."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from msgspec.structs import replace

from service.engine.base import Delta, DeltaStream, GenerationRequest
from service.engine.resume import single_choices
from service.engine.stream import BufferedStream
from service.errors import TidegateError


class ResumedChoices:
    """A `DeltaStream` of a request that `begin` continues one choice at a time. The first failure ends all."""

    def __init__(self, request: GenerationRequest, begin: Callable[[GenerationRequest], DeltaStream]) -> None:
        self._merged = BufferedStream(len(request.emitted), on_abort=lambda: None)
        self._streams = [begin(choice) for choice in single_choices(request)]
        self._readers: list[asyncio.Task[None]] = []
        self._is_first = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        if not self._readers:
            self._readers = [asyncio.create_task(self._read(*each)) for each in enumerate(self._streams)]
        return await anext(self._merged)

    async def _read(self, index: int, stream: DeltaStream) -> None:
        try:
            async for deltas in stream:
                if self._merged.finished:
                    return
                for delta in deltas:
                    first, self._is_first = (delta.first if self._is_first else None), False
                    self._merged.push(replace(delta, index=index, first=first))
        except TidegateError as error:
            self._merged.fail(error)
            await self._close_streams()

    async def aclose(self) -> None:
        await self._merged.aclose()
        await self._close_streams()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def _close_streams(self) -> None:
        for stream in self._streams:
            await stream.aclose()
