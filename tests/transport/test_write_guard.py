"""A reader may be slow, but it has to take something."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

from service.transport.write_guard import WriteGuard


class ClockedLoop:
    """A loop whose only timer fires when the test says so."""

    def __init__(self) -> None:
        self.timer: Callable[[], None] | None = None

    def call_later(self, seconds: float, callback: Callable[[], None]) -> "ClockedLoop":
        self.timer = callback
        return self

    def cancel(self) -> None:
        self.timer = None

    def expire(self) -> None:
        timer, self.timer = self.timer, None
        assert timer is not None
        timer()


class Wire:
    """A transport behind which so many bytes wait."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def abort(self) -> None:
        self.aborted = True


def guarded(waiting: int) -> tuple[ClockedLoop, Wire, WriteGuard, list[str]]:
    loop, wire, told = ClockedLoop(), Wire(waiting), list[str]()
    guard = WriteGuard(cast(asyncio.AbstractEventLoop, loop), 30, lambda: told.append("given up"))
    guard.start(cast(Any, wire))
    return loop, wire, guard, told


def test_a_reader_that_takes_a_little_each_time_is_never_cut_off() -> None:
    loop, wire, _, told = guarded(1000)
    for _ in range(999):
        wire.waiting -= 1
        loop.expire()
    assert (told, wire.aborted) == ([], False)


def test_a_reader_that_takes_nothing_is_cut_off() -> None:
    loop, wire, _, told = guarded(1000)
    wire.waiting -= 1
    loop.expire()
    loop.expire()
    assert (told, wire.aborted) == (["given up"], True)


def test_a_reader_that_has_caught_up_is_watched_no_more() -> None:
    loop, _, guard, _ = guarded(1000)
    guard.stop()
    assert loop.timer is None


async def test_what_a_reader_takes_is_seen_before_it_has_taken_all() -> None:
    """Of uvloop, whose transports are asked how much is left."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    transport.write(b"x" * 8_000_000)
    before = transport.get_write_buffer_size()
    for _ in range(8):
        await loop.sock_recv(theirs, 65_536)
    async with asyncio.timeout(2):
        while transport.get_write_buffer_size() == before:
            await asyncio.sleep(0)
    assert 1_000_000 < transport.get_write_buffer_size() < before
    transport.abort()
    theirs.close()
