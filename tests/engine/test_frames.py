"""Frames arrive whole and in turn, however the bytes between them were cut."""

import asyncio
import socket

import pytest

from service.engine.frames import FrameConnection

FRAMES = [b"", b"a", b"x" * 300, b"y" * 70_000, b"z"]


def framed(frames: list[bytes]) -> bytes:
    return b"".join(len(frame).to_bytes(4) + frame for frame in frames)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 1000, 65_536, 10**6])
def test_frames_arrive_as_they_were_sent(size: int) -> None:
    arrived: list[bytes] = []
    connection = FrameConnection(lambda frame: arrived.append(bytes(frame)))
    sent = framed(FRAMES) * (1 if size < 1000 else 3)
    for at in range(0, len(sent), size):
        connection.data_received(sent[at : at + size])
    assert arrived == FRAMES * (1 if size < 1000 else 3)


async def test_whoever_does_not_read_is_noticed_and_so_is_that_it_reads_again() -> None:
    ours, theirs = socket.socketpair()
    room = asyncio.Event()
    connection = FrameConnection(lambda frame: None, on_room=room.set)
    await asyncio.get_running_loop().create_connection(lambda: connection, sock=ours)
    while connection.room:
        connection.send(b"x" * 100_000)
        await asyncio.sleep(0)
    reader, writer = await asyncio.open_connection(sock=theirs)
    async with asyncio.timeout(2):
        while not room.is_set():
            await reader.read(65_536)
    assert connection.room
    writer.close()
    await connection.close(1)


async def test_what_is_sent_when_the_other_end_is_gone_is_no_error() -> None:
    ours, theirs = socket.socketpair()
    connection = FrameConnection(lambda frame: None)
    await asyncio.get_running_loop().create_connection(lambda: connection, sock=ours)
    theirs.close()
    await connection.close(1)
    connection.send(b"x")


async def test_the_end_of_the_other_end_is_told() -> None:
    ours, theirs = socket.socketpair()
    lost = asyncio.Event()
    connection = FrameConnection(lambda frame: None, on_lost=lost.set)
    await asyncio.get_running_loop().create_connection(lambda: connection, sock=ours)
    theirs.close()
    async with asyncio.timeout(1):
        await lost.wait()
