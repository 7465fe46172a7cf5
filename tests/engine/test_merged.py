"""Several prompts as one stream: nothing is lost, and nobody reads ahead of the reader."""

import asyncio
from collections.abc import Sequence
from typing import Self

import pytest

from service.engine.deltas import Delta
from service.engine.merged import MergedStream
from service.errors import InternalError


class Scripted:
    """A stream of batches, of one delta each unless told otherwise."""

    def __init__(self, batches: float, error: InternalError | None = None) -> None:
        self._left = batches
        self._error = error
        self.read = 0
        self.closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        await asyncio.sleep(0)
        if self.read == self._left:
            raise self._error or StopAsyncIteration
        self.read += 1
        return [Delta(0, str(self.read), [1])]

    async def aclose(self) -> None:
        self.closed = True


async def test_all_batches_of_all_prompts_arrive_under_their_own_numbers() -> None:
    merged = MergedStream([Scripted(3), Scripted(2)], n=4)
    arrived = sorted((delta.index, delta.text) for batch in [batch async for batch in merged] for delta in batch)
    assert arrived == [(0, "1"), (0, "2"), (0, "3"), (4, "1"), (4, "2")]
    await merged.aclose()


async def test_prompts_have_their_turns_side_by_side() -> None:
    merged = MergedStream([Scripted(float("inf")), Scripted(float("inf"))], n=1)
    indices = [(await anext(merged))[0].index for _ in range(20)]
    assert sum(indices) == 10
    await merged.aclose()


async def test_what_nobody_reads_is_not_read_on() -> None:
    endless = [Scripted(float("inf")), Scripted(float("inf"))]
    merged = MergedStream(list(endless), n=1)
    await anext(merged)
    for _ in range(1000):
        await asyncio.sleep(0)
    assert sum(stream.read for stream in endless) <= 5
    await merged.aclose()
    assert all(stream.closed for stream in endless)


async def test_an_error_of_one_is_the_error_of_all() -> None:
    merged = MergedStream([Scripted(float("inf")), Scripted(1, InternalError("broken"))], n=1)
    with pytest.raises(InternalError, match="broken"):
        _ = [batch async for batch in merged]
    with pytest.raises(StopAsyncIteration):
        await anext(merged)
    await merged.aclose()


async def test_closing_wakes_whoever_waits() -> None:
    class Silent(Scripted):
        async def __anext__(self) -> Sequence[Delta]:
            await asyncio.Event().wait()
            raise AssertionError

    merged = MergedStream([Silent(1)], n=1)
    waiting = asyncio.create_task(anext(merged, None))
    await asyncio.sleep(0)
    await merged.aclose()
    async with asyncio.timeout(1):
        assert await waiting is None
