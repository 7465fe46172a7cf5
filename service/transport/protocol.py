"""`GuardedProtocol`: one connection. uvicorn's protocol with httptools, with bounds where uvicorn 0.54 has none.

In the order of time: a head must be complete within a deadline, of bounded length, and unambiguous; a body is bounded
by `middleware.BodyLimit`; a reader that stops reading is cut off; a connection that ends while the client still sends
is closed in a way that lets the client read why. Requests sent ahead are answered in turn, and are few.
"""

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.errors import BodyTooLargeError, ConnectionEndingError, MalformedHttpError, RequestTimeoutError
from service.transport.cycle import Cycle
from service.transport.deadline import Deadline
from service.transport.head import HeadMeter, check_framing, head_too_large, malformed, split_target

if TYPE_CHECKING:
    from service.transport.config import ListenerConfig

MAX_SENT_AHEAD: Final = 8
"""Requests that may wait for the response to one before them on the same connection."""

SMALL_PIECE_BYTES: Final = 1024
MAX_SMALL_PIECES: Final = 10_000
"""A body in chunks of one byte takes the parser 100 times as long as it takes the sender: it holds the event loop."""

LINGER_SECONDS: Final = 1.0
"""How long a client that still sends is listened to after its last response. Closing at once would reset the
connection, and the reset may overtake the response (RFC 9112, 9.6)."""

UNKNOWN_METHOD: Final = "-"


class Stage(Enum):
    """Where the parser is."""

    BETWEEN = "between requests"
    HEAD = "in a head"
    BODY = "in a body"


class GuardedProtocol(HttpToolsProtocol):
    """One connection, from `connection_made` to `connection_lost`."""

    def __init__(
        self,
        config: "ListenerConfig",
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        limits = config.limits
        self._limits = limits
        self._stage = Stage.BETWEEN
        self._running: Cycle | None = None
        self._meter = HeadMeter(limits.head_bytes)
        self._reported = False
        self._unreported_bytes = 0
        self._discarding = False
        self._small_pieces = 0
        self._head_deadline = Deadline(self.loop, limits.head_seconds, self._on_head_timeout)
        self._write_deadline = Deadline(self.loop, limits.write_seconds, self._on_write_timeout)
        self._linger_deadline = Deadline(self.loop, LINGER_SECONDS, lambda: self.transport.abort())

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._head_deadline.start()

    def connection_lost(self, exc: Exception | None) -> None:
        for deadline in (self._head_deadline, self._write_deadline, self._linger_deadline):
            deadline.stop()
        self._unset_keepalive_if_required()
        self._disconnect_all()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        unanswered = self._unanswered()
        for cycle in unanswered:
            cycle.end_connection()
        if not unanswered:
            self._close()

    def _unanswered(self) -> list[Cycle]:
        cycles = [self._running, *(cycle for cycle, _ in self.pipeline)]
        return [cycle for cycle in cycles if isinstance(cycle, Cycle) and not cycle.response_complete]

    def _disconnect_all(self) -> None:
        # uvicorn would tell only the request that was parsed last.
        for cycle in self._unanswered():
            cycle.disconnect()

    # Input

    def data_received(self, data: bytes) -> None:
        # uvicorn would stop the keep-alive timer here, for any byte; `on_message_begin` does, for a request.
        if self._discarding:
            return
        self._reported = False
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            ours = error.__context__
            self._refuse(ours if isinstance(ours, ConnectionEndingError) else malformed())
            return
        # The parser collects an unfinished header or trailer without telling us.
        self._unreported_bytes = 0 if self._reported else self._unreported_bytes + len(data)
        if self._unreported_bytes > self._limits.head_bytes:
            self._refuse(head_too_large(self._limits.head_bytes))

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # We ignore wishes to upgrade (RFC 9110, 7.8), but the parser has stopped: go on with a fresh one.
                # Java's HttpClient wishes for h2c with every first request, bodies included.
                data = self._head_without_upgrade() + data[upgrade.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    # What the parser reports. An exception raised here comes out of `feed_data` as the context of its own.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._reported = True
        self._stage = Stage.HEAD
        self._meter = HeadMeter(self._limits.head_bytes)
        self._head_deadline.start()

    def on_url(self, url: bytes) -> None:
        self._meter.add_url(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._stage is Stage.HEAD:  # else it is a trailer, and nothing here reads any
            self._meter.add_header(name, value)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        check_framing(method, version, self.headers)
        if self.parser.should_upgrade():
            return  # comes again, without the wish
        if len(self.pipeline) == MAX_SENT_AHEAD:
            raise MalformedHttpError(
                f"More than {MAX_SENT_AHEAD} requests were sent ahead. Wait for responses, or use more connections."
            )
        path, query = split_target(self.url)
        self.scope["method"] = method.decode("ascii")
        self.scope["http_version"] = version
        self.scope["path"] = unquote(path.decode("ascii"))
        self.scope["raw_path"] = path
        self.scope["query_string"] = query
        self._head_deadline.stop()
        self._unset_keepalive_if_required()
        self._small_pieces = 0
        self._reported = True
        self._stage = Stage.BODY
        self._take(self._new_cycle(keep_alive=version == "1.1" and self.parser.should_keep_alive()))

    def on_body(self, body: bytes) -> None:
        self._reported = True
        if len(body) < SMALL_PIECE_BYTES:
            self._small_pieces += 1
            if self._small_pieces > MAX_SMALL_PIECES:
                raise BodyTooLargeError(f"The body comes in more than {MAX_SMALL_PIECES} pieces. Send larger ones.")
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._reported = True
        self._stage = Stage.BETWEEN
        super().on_message_complete()

    # Requests in turn

    def _new_cycle(self, *, keep_alive: bool) -> Cycle:
        return Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )

    def _take(self, cycle: Cycle) -> None:
        self.cycle = cycle
        if self._running is None or self._running.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            # Reading goes on, unlike in uvicorn: else nobody would notice that the client has gone.
            self.pipeline.appendleft((cycle, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        assert isinstance(cycle, Cycle)
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        assert self._running is not None
        if not self._running.ends_connection or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.pipeline.clear()
        if self._running.more_body or self._discarding:
            self._linger()
        else:
            self._close()

    # Refusals

    def _refuse(self, error: ConnectionEndingError) -> None:
        """Answer with `error` when it is this request's turn, and read no more."""
        self._discarding = True
        self._head_deadline.stop()
        if self._stage is not Stage.BODY:
            self._take(self._refused_cycle(error))
        elif self.cycle.response_complete:
            self._linger()
        else:
            assert isinstance(self.cycle, Cycle)
            self.cycle.refuse(error)

    def _refused_cycle(self, error: ConnectionEndingError) -> Cycle:
        if self._stage is Stage.BETWEEN:
            super().on_message_begin()
        # Until the URL begins, the parser does not know the method either.
        self.scope["method"] = self.parser.get_method().decode("ascii") if self.url else UNKNOWN_METHOD
        self.scope["path"], self.scope["raw_path"], self.scope["query_string"] = "", b"", b""
        self.expect_100_continue = False
        cycle = self._new_cycle(keep_alive=False)
        cycle.refuse(error)
        return cycle

    def _on_head_timeout(self) -> None:
        if self._stage is Stage.BETWEEN:
            self._close()
            return
        seconds = self._limits.head_seconds
        self._refuse(RequestTimeoutError(f"The head was not complete after {seconds:g} s. Send it in one go."))

    # Output, and the end

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_deadline.start()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._write_deadline.stop()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _on_write_timeout(self) -> None:
        self._disconnect_all()
        # `close` would wait for the reader that does not read.
        self.transport.abort()

    def _close(self) -> None:
        """Close once all is written, or when nobody has read it in time."""
        if not self.transport.is_closing():
            self.transport.close()
            self._write_deadline.start()

    def _linger(self) -> None:
        """Say that nothing more comes, and give the client a moment to read that."""
        self._discarding = True
        self.transport.write_eof()
        self.flow.resume_reading()
        self._linger_deadline.start()
