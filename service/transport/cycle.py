"""`Cycle`: one request and its response on a connection."""

import asyncio
import sys
from typing import Final

from uvicorn._types import ASGISendEvent, HTTPResponseBodyEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.errors import TidegateError

REFUSAL: Final = "tidegate.refusal"
"""Key in a scope's `state`: the error that the request is to be answered with."""


class HeldHead:
    """A transport that holds back what is written first, and writes it with what is written next.

    Head and body so leave in one packet and one call of the operating system.
    """

    __slots__ = ("_cycle", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport, cycle: "Cycle") -> None:
        self._transport = transport
        self._cycle = cycle
        self._head = b""

    def write(self, data: bytes) -> None:
        """Hold, or write."""
        if not self._head:
            self._head = data
            return
        self._cycle.transport = self._transport
        self._transport.write(self._head + data)

    def is_closing(self) -> bool:
        """As the transport says."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Write what is held, and close."""
        self._transport.write(self._head)
        self._transport.close()


class Cycle(RequestResponseCycle):
    """uvicorn's cycle, but it leaves closing to the protocol, can be refused, and does not chunk for HTTP/1.0."""

    ends_connection = False
    """The connection ends with this response."""

    _close_delimited = False

    def refuse(self, error: TidegateError) -> None:
        """Hand the application an error instead of the rest of the body."""
        self.scope["state"][REFUSAL] = error
        self.end_connection()
        self.message_event.set()

    def end_connection(self) -> None:
        """Let the connection end with this response, and say so if that is still possible."""
        self.ends_connection = True
        if not self.response_started:
            self.keep_alive = False

    def disconnect(self) -> None:
        """The client is gone."""
        if not self.response_complete:
            self.disconnected = True
        self.message_event.set()

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif message["type"] != "http.response.body" or not self.response_started:
            await super().send(message)
        elif not message.get("more_body", False):
            await (self._finish_close_delimited(message) if self._close_delimited else super().send(message))
        elif self.chunked_encoding and self.scope["method"] != "HEAD" and not self.response_complete:
            await self._send_chunk(message.get("body", b""))
        else:
            await super().send(message)

    async def _send_chunk(self, body: bytes) -> None:
        """What uvicorn would do, in fewer steps: this is the way of every token."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if body and not self.disconnected:
            self.transport.write(b"%x\r\n%b\r\n" % (len(body), body))

    async def _start(self, message: HTTPResponseStartEvent) -> None:
        headers = message.get("headers", ())
        if self.scope["http_version"] == "1.0" and all(name.lower() != b"content-length" for name, _ in headers):
            # RFC 9112, 6.1: no Transfer-Encoding for HTTP/1.0. The end of the connection is the end of the body.
            self._close_delimited = True
            self.chunked_encoding = False
            self.expected_content_length = sys.maxsize
        if self.scope["method"] != "HEAD":
            # Whatever comes next is written, though it may be empty.
            self.transport = HeldHead(self.transport, self)  # type: ignore[assignment]
        await super().send(message)
        self.ends_connection = self.ends_connection or not self.keep_alive
        # uvicorn would close at once, and unread input would turn that into a reset: see `GuardedProtocol`.
        self.keep_alive = True

    async def _finish_close_delimited(self, message: HTTPResponseBodyEvent) -> None:
        await super().send({**message, "more_body": True})
        self.expected_content_length = 0
        await super().send({"type": "http.response.body", "body": b"", "more_body": False})
