"""`MergedStream`: several streams of one request, of its prompts or of its choices, as one stream of deltas."""

import asyncio
from collections.abc import Sequence
from typing import Self

import msgspec

from service.engine.base import DeltaStream
from service.engine.deltas import Delta
from service.errors import TidegateError


class _Batch:
    """Deltas that wait, and whether they still do."""

    __slots__ = ("deltas", "taken")

    def __init__(self, deltas: Sequence[Delta]) -> None:
        self.deltas = deltas
        self.taken = asyncio.Event()


class MergedStream:
    """Reads all streams side by side, each of `n` choices; those of stream `s` are numbered from `s * n`.

    One batch of each waits here at most, and they are taken in turn. What waits besides, waits in the streams, which
    bound it.
    """

    def __init__(self, streams: list[DeltaStream], n: int) -> None:
        self._streams = streams
        self._open = len(streams)
        self._ready: asyncio.Queue[_Batch | TidegateError | None] = asyncio.Queue()
        self._readers = [asyncio.create_task(self._read(stream, at * n)) for at, stream in enumerate(streams)]

    async def _read(self, stream: DeltaStream, first_index: int) -> None:
        try:
            async for deltas in stream:
                numbered = [msgspec.structs.replace(delta, index=first_index + delta.index) for delta in deltas]
                batch = _Batch(numbered)
                self._ready.put_nowait(batch)
                await batch.taken.wait()
        except TidegateError as error:
            self._ready.put_nowait(error)
        else:
            self._ready.put_nowait(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        while self._open > 0:
            ready = await self._ready.get()
            if isinstance(ready, TidegateError):
                self._open = 0
                raise ready
            if ready is not None:
                ready.taken.set()
                return ready.deltas
            self._open -= 1
        raise StopAsyncIteration

    async def aclose(self) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        for stream in self._streams:
            await stream.aclose()
        self._open = 0
        self._ready.put_nowait(None)  # wakes whoever waits for the next
