"""A connection on which any bytes can be sent, and what came back on it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from tests.api.live import LiveApp

CANARY = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of an error, which must be in OpenAI's shape, with a request id."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert self.headers["x-request-id"]
        return str(error["code"])


class Connection:
    """A TCP connection to the service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        """Send; what the service does not take any more is no error."""
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                self.writer.write(piece)
                await self.writer.drain()

    async def answer(self, *, head_only: bool = False, seconds: float = 3) -> Answer:
        """The next response, whose length must be declared."""
        async with asyncio.timeout(seconds):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            body = b"" if head_only else await self.reader.readexactly(int(headers["content-length"]))
        return Answer(int(status.split()[1]), headers, body)

    async def rest(self) -> bytes:
        """All that comes until the service closes."""
        async with asyncio.timeout(3):
            return await self.reader.read()


def connection(app: LiveApp, port: int | None = None) -> contextlib.AbstractAsyncContextManager[Connection]:
    """Connect to the public listener, or to another port."""
    return dial(port or app.port)


@contextlib.asynccontextmanager
async def dial(port: int) -> AsyncIterator[Connection]:
    """Connect to a port of this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
