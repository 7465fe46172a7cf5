"""`Outbox`: what the engine's streams have told and the socket has not taken yet.

Deltas that became ready in one turn of the event loop (one engine step) leave in one frame; while a frame waits for the
socket, further deltas join the next one.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from service.engine import wire
from service.engine.deltas import Delta
from service.engine.frames import FrameConnection
from service.engine.pushed_stream import DELTAS_A_TURN

MAX_DELTAS: Final = 8192
"""Deltas that may wait for the socket before the engine's streams are no longer read (vLLM then merges tokens)."""


class Outbox:
    """Everything that leaves for the client, in order. Its owner calls `flush` when the connection has room again."""

    def __init__(self, connection: FrameConnection) -> None:
        self._connection = connection
        self._encode = msgspec.msgpack.Encoder().encode
        self._waiting: dict[int, list[Delta]] = {}
        self._size = 0
        self._ended: list[int] = []
        self._flush_due = False
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, stream: int, deltas: Sequence[Delta]) -> None:
        """Add what a stream has told; waits while too much is waiting."""
        self._waiting.setdefault(stream, []).extend(deltas)
        self._size += len(deltas)
        self._schedule_flush()
        if self._size > MAX_DELTAS:
            self._room.clear()
            await self._room.wait()

    def end(self, stream: int) -> None:
        """A stream is over with what it has told."""
        self._ended.append(stream)
        self._schedule_flush()

    def send(self, message: wire.ToClient) -> None:
        """Send a message behind every delta that is waiting."""
        self._send_waiting()
        self._connection.send(self._encode(message))

    def send_at_once(self, message: wire.ToClient) -> None:
        """The same, before the event loop turns again: it may be held for long, by an import or a load."""
        self.send(message)
        self._connection.flush()

    def flush(self) -> None:
        """Send what is waiting, if there is room."""
        self._flush_due = False
        if self._connection.room:
            self._send_waiting()

    def _schedule_flush(self) -> None:
        if not self._flush_due and self._connection.room:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self.flush)

    def _send_waiting(self) -> None:
        if not self._waiting and not self._ended:
            return
        items = [
            (stream, deltas[at : at + DELTAS_A_TURN])
            for stream, deltas in self._waiting.items()
            for at in range(0, len(deltas), DELTAS_A_TURN)
        ]
        self._connection.send(self._encode(wire.Deltas(items, self._ended)))
        self._waiting, self._size, self._ended = {}, 0, []
        self._room.set()
