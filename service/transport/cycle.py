"""`Cycle`: one request and its response on a connection."""

import sys
from typing import Final

from uvicorn._types import ASGISendEvent, HTTPResponseBodyEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.errors import TidegateError

REFUSAL: Final = "tidegate.refusal"
"""Key in a scope's `state`: the error that the request is to be answered with."""


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
        match message["type"]:
            case "http.response.start":
                await self._start(message)
            case "http.response.body" if self._close_delimited and not message.get("more_body", False):
                await self._finish_close_delimited(message)
            case _:
                await super().send(message)

    async def _start(self, message: HTTPResponseStartEvent) -> None:
        headers = message.get("headers", ())
        if self.scope["http_version"] == "1.0" and all(name.lower() != b"content-length" for name, _ in headers):
            # RFC 9112, 6.1: no Transfer-Encoding for HTTP/1.0. The end of the connection is the end of the body.
            self._close_delimited = True
            self.chunked_encoding = False
            self.expected_content_length = sys.maxsize
        await super().send(message)
        self.ends_connection = self.ends_connection or not self.keep_alive
        # uvicorn would close at once, and unread input would turn that into a reset: see `GuardedProtocol`.
        self.keep_alive = True

    async def _finish_close_delimited(self, message: HTTPResponseBodyEvent) -> None:
        await super().send({**message, "more_body": True})
        self.expected_content_length = 0
        await super().send({"type": "http.response.body", "body": b"", "more_body": False})
