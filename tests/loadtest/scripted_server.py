"""An HTTP server that answers every request with the same pieces of bytes, each in a write of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence


@contextlib.asynccontextmanager
async def scripted_server(pieces: Sequence[bytes]) -> AsyncIterator[int]:
    """Yields the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    # Gives the client a chance to read this piece by itself.
                    await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def chunked(*payloads: bytes) -> bytes:
    """A streamed response whose HTTP chunks hold `payloads`."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(payload), payload) for payload in payloads) + b"0\r\n\r\n"


def stream(tokens: int, *, done: bool = True) -> bytes:
    """The SSE events of a chat completion of so many tokens."""
    events = [b'{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}']
    events += [b'{"choices":[{"delta":{"content":" tide"},"finish_reason":null}]}'] * tokens
    events += [b'{"choices":[{"delta":{},"finish_reason":"length"}]}', *([b"[DONE]"] if done else [])]
    return b"".join(b"data: %b\n\n" % event for event in events)
