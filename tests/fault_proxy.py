"""`FaultProxy`: a TCP proxy that does to a connection what networks do, at an exact byte.

It knows bytes only. What a fault does holds for every connection through the proxy, in its direction.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["request", "response"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Reset the connection once `at` bytes have passed, or once `after` has passed."""

    direction: Direction
    at: int | None = None
    after: bytes | None = None

    def offset(self, passed: bytes) -> int | None:
        """How much of what has come so far may pass before the cut; None: all of it, and no cut yet."""
        if self.at is not None:
            return self.at if len(passed) >= self.at else None
        assert self.after is not None
        found = passed.find(self.after)
        return None if found < 0 else found + len(self.after)


@dataclass(frozen=True, slots=True)
class Delay:
    """Hold back everything from byte `at` on, for `seconds`."""

    direction: Direction
    at: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Throttle:
    """Let `piece` bytes pass at a time, with `seconds` between; no more is read than has passed."""

    direction: Direction
    piece: int
    seconds: float


Fault: TypeAlias = Cut | Delay | Throttle


@dataclass(slots=True)
class FaultProxy:
    """Listens at `port` and forwards to `upstream`. `passed` holds what went through, by direction."""

    upstream: int
    fault: Fault | None = None
    port: int = 0
    passed: dict[Direction, bytearray] = field(
        default_factory=lambda: {"request": bytearray(), "response": bytearray()}
    )
    cut: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either end closes it or a fault cuts it."""
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        ways = [
            asyncio.create_task(self._forward("request", reader, up_writer)),
            asyncio.create_task(self._forward("response", up_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, up_writer):
                # A reset, not a polite end: networks are not polite.
                end.transport.abort() if self.cut.is_set() else end.close()

    async def _forward(self, way: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self.fault if self.fault is not None and self.fault.direction == way else None
        size = fault.piece if isinstance(fault, Throttle) else 65536
        while data := await reader.read(size):
            seen = self.passed[way]
            match fault:
                case Cut():
                    limit = fault.offset(bytes(seen + data))
                    if limit is not None:
                        await self._pass(writer, seen, data[: max(limit - len(seen), 0)])
                        self.cut.set()
                        return
                case Delay() if len(seen) + len(data) > fault.at:
                    held = max(fault.at - len(seen), 0)
                    await self._pass(writer, seen, data[:held])
                    await asyncio.sleep(fault.seconds)
                    fault, data = None, data[held:]
                case Throttle():
                    await asyncio.sleep(fault.seconds)
            await self._pass(writer, seen, data)

    async def _pass(self, writer: asyncio.StreamWriter, seen: bytearray, data: bytes) -> None:
        seen += data
        writer.write(data)
        with contextlib.suppress(ConnectionError):
            await writer.drain()


@contextlib.asynccontextmanager
async def fault_proxy(upstream: int, fault: Fault | None = None) -> AsyncIterator[FaultProxy]:
    """A running proxy in front of a local port."""
    proxy = FaultProxy(upstream, fault)
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] = proxy.serve
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        server.close_clients() if hasattr(server, "close_clients") else None
        await server.wait_closed()
