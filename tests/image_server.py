"""A server on 127.0.0.1 that answers every request with given bytes, and remembers what it was asked."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

Pieces = Callable[[], AsyncIterator[bytes]]


@dataclass
class ImageServer:
    """Where it listens, and the heads of requests so far."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)


def answer(body: bytes, *headers: str, status: str = "200 OK", content_type: str = "image/png") -> Pieces:
    """A whole response; further headers as written."""
    lines = [f"HTTP/1.1 {status}", *([f"Content-Type: {content_type}"] if content_type else []), *headers]
    if not any(header.lower().startswith("content-length") for header in headers):
        lines.append(f"Content-Length: {len(body)}")

    async def pieces() -> AsyncIterator[bytes]:
        yield "\r\n".join([*lines, "", ""]).encode() + body

    return pieces


def endless(head: bytes, piece: bytes) -> Pieces:
    """A response that never ends, as fast as it is read."""

    async def pieces() -> AsyncIterator[bytes]:
        yield head
        while True:
            yield piece

    return pieces


def stalling(beginning: bytes) -> Pieces:
    """A response that stops in the middle, and keeps the connection open."""

    async def pieces() -> AsyncIterator[bytes]:
        yield beginning
        await asyncio.Event().wait()

    return pieces


def trickling(head: bytes) -> Pieces:
    """A response that goes on, byte by byte."""

    async def pieces() -> AsyncIterator[bytes]:
        yield head
        while True:
            yield b"x"
            await asyncio.sleep(0.02)

    return pieces


@contextlib.asynccontextmanager
async def image_server(pieces: Pieces, tls: ssl.SSLContext | None = None) -> AsyncIterator[ImageServer]:
    """The running server."""
    state = ImageServer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            state.heads.append(await reader.readuntil(b"\r\n\r\n"))
            async for piece in pieces():
                writer.write(piece)
                await writer.drain()

    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
