"""What waits for a reader is bounded in bytes, decoded when it is read, and never all at once."""

import asyncio

import msgspec
import pytest

from service.engine.deltas import Delta
from service.engine.encoded_stream import EncodedStream
from service.engine.pushed_stream import DELTAS_A_TURN
from service.errors import SlowReaderError


def part(*texts: str) -> bytes:
    return msgspec.msgpack.encode([Delta(0, text, [1]) for text in texts])


def texts(deltas: object) -> list[str]:
    assert isinstance(deltas, list)
    return [delta.text for delta in deltas]


async def test_what_has_gathered_is_handed_out_together_and_then_the_end() -> None:
    stream = EncodedStream(lambda: None)
    stream.push(part("a", "b"))
    stream.push(part("c"))
    stream.end()
    assert [texts(deltas) async for deltas in stream] == [["a", "b", "c"]]
    assert stream.waiting_bytes == 0


async def test_a_reader_that_has_fallen_behind_gets_everything_in_turns() -> None:
    stream = EncodedStream(lambda: None)
    for _ in range(100):
        stream.push(part(*"abcdefghijklmnopqrstuvwxyz"))
    stream.end()
    sizes = [len(deltas) async for deltas in stream]
    assert sum(sizes) == 2600
    assert max(sizes) < DELTAS_A_TURN + 26


async def test_others_have_their_turn_between_two_batches() -> None:
    stream = EncodedStream(lambda: None)
    for _ in range(3):
        stream.push(part(*["x"] * DELTAS_A_TURN))
    turns: list[str] = []
    asyncio.get_running_loop().call_soon(turns.append, "other")
    await anext(stream)
    assert turns == []
    await anext(stream)
    assert turns == ["other"]


async def test_more_than_may_wait_ends_the_generation_behind_what_waits() -> None:
    aborted: list[int] = []
    stream = EncodedStream(lambda: aborted.append(1), max_waiting_bytes=50)
    pushed = part("abcdefgh", "ijklmnop")
    while not stream.finished:
        stream.push(pushed)
    assert 50 < stream.waiting_bytes <= 50 + len(pushed)
    assert texts(await anext(stream))[:2] == ["abcdefgh", "ijklmnop"]
    with pytest.raises(SlowReaderError, match="more than 50 bytes"):
        await anext(stream)
    await stream.aclose()
    assert aborted == [1]


async def test_one_part_may_be_larger_than_what_may_wait() -> None:
    stream = EncodedStream(lambda: None, max_waiting_bytes=50)
    stream.push(part("x" * 1000))
    assert not stream.finished


async def test_an_answer_that_nobody_reads_in_pieces_is_not_bounded() -> None:
    stream = EncodedStream(lambda: None, max_waiting_bytes=None)
    for _ in range(100):
        stream.push(part("x" * 1000))
    assert not stream.finished


async def test_closing_forgets_what_waits_and_aborts_once() -> None:
    aborted: list[int] = []
    stream = EncodedStream(lambda: aborted.append(1))
    stream.push(part("a"))
    await stream.aclose()
    await stream.aclose()
    assert (stream.waiting_bytes, aborted) == (0, [1])
    assert [deltas async for deltas in stream] == []
