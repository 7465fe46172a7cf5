"""What leaves for the client leaves in order, one frame a step, and no more is read than the socket takes."""

import asyncio

import msgspec

from service.engine import wire
from service.engine.base import Health, Phase
from service.engine.deltas import Delta
from service.engine.frames import FrameConnection
from service.engine.outbox import MAX_DELTAS, Outbox

decode = msgspec.msgpack.Decoder(wire.ToClient).decode


class Sent(FrameConnection):
    """A connection whose other end is this list."""

    def __init__(self) -> None:
        super().__init__(lambda frame: None)
        self.messages: list[wire.ToClient] = []

    def send(self, frame: bytes) -> None:
        self.messages.append(decode(frame))

    def streams(self) -> list[tuple[list[int], list[int]]]:
        """Of each frame of deltas: whose they are, and which streams end."""
        frames = [each for each in self.messages if isinstance(each, wire.EncodedDeltas)]
        return [([number for number, _ in frame.items], frame.ended) for frame in frames]


async def test_what_is_told_in_one_turn_leaves_in_one_frame() -> None:
    outbox = Outbox(sent := Sent())
    await outbox.put(1, [Delta(0, "a", [1])])
    await outbox.put(2, [Delta(0, "b", [1])])
    outbox.end(1)
    assert not sent.messages
    await asyncio.sleep(0)
    assert sent.streams() == [([1, 2], [1])]


async def test_a_message_stays_behind_what_was_told_before_it() -> None:
    outbox = Outbox(sent := Sent())
    await outbox.put(1, [Delta(0, "a", [1])])
    outbox.send(wire.Report(Health(Phase.FAILED)))
    assert [type(message) for message in sent.messages] == [wire.EncodedDeltas, wire.Report]


async def test_while_there_is_no_room_deltas_gather_and_in_the_end_whoever_tells_them_waits() -> None:
    outbox = Outbox(sent := Sent())
    sent.pause_writing()
    telling = asyncio.create_task(outbox.put(1, [Delta(0, "a", [1])] * (MAX_DELTAS + 1)))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not sent.messages and not telling.done()
    sent.resume_writing()
    outbox.flush()
    await telling
    assert len(sent.streams()) == 1
