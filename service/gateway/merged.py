"""Several prompts of one request as one stream of deltas."""

import asyncio
from collections.abc import Sequence
from typing import Self

import msgspec

from service.engine.base import Delta, DeltaStream
from service.engine.stream import BufferedStream
from service.errors import TidegateError


class MergedStream:
    """Reads all streams side by side; the choices of prompt `p` are numbered from `p * n`."""

    def __init__(self, streams: list[DeltaStream], n: int) -> None:
        self._streams = streams
        self._merged = BufferedStream(n * len(streams), on_abort=lambda: None)
        self._readers = [asyncio.create_task(self._read(stream, at * n)) for at, stream in enumerate(streams)]

    async def _read(self, stream: DeltaStream, first_index: int) -> None:
        try:
            async for deltas in stream:
                for delta in deltas:
                    self._merged.push(msgspec.structs.replace(delta, index=first_index + delta.index))
        except TidegateError as error:
            self._merged.fail(error)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        return await anext(self._merged)

    async def aclose(self) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        for stream in self._streams:
            await stream.aclose()
        await self._merged.aclose()
