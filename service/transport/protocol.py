"""`GuardedProtocol`: one connection. uvicorn's protocol with httptools, with bounds where uvicorn 0.54 has none.

The side that reads: there are only so many connections; a head must be complete within a deadline, of bounded length,
and unambiguous; a body is bounded by `middleware.BodyLimit`. `turns.py` is the side that answers.
"""

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import unquote

import httptools
from uvicorn.server import ServerState

from service.errors import ConnectionEndingError, RequestTimeoutError, TooManyConnectionsError
from service.transport.cycle import Cycle
from service.transport.deadline import Deadline
from service.transport.head import check_framing, malformed, split_target, without_upgrade
from service.transport.input_bounds import InputBounds
from service.transport.turns import TurnTaking

if TYPE_CHECKING:
    from service.transport.config import ListenerConfig

CONNECTIONS_TO_REFUSE: Final = 64
"""Connections over the cap that are told so; any further ones are closed without a word."""

UNKNOWN_METHOD: Final = "-"

Refusal: TypeAlias = ConnectionEndingError | TooManyConnectionsError
"""What a connection ends with."""


class Stage(Enum):
    """Where the parser is."""

    BETWEEN = "between requests"
    HEAD = "in a head"
    BODY = "in a body"


class GuardedProtocol(TurnTaking):
    """One connection, from `connection_made` to `connection_lost`."""

    def __init__(
        self,
        config: "ListenerConfig",
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._stage = Stage.BETWEEN
        self._welcome = True
        self._bounds = InputBounds(self._limits.head_bytes)
        self._head_deadline = Deadline(self.loop, self._limits.head_seconds, self._on_head_timeout)

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._head_deadline.start()
        excess = len(self.connections) - self._limits.connections
        self._welcome = excess <= 0
        if excess > CONNECTIONS_TO_REFUSE:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_deadline.stop()
        super().connection_lost(exc)

    # Input

    def data_received(self, data: bytes) -> None:
        # uvicorn would stop the keep-alive timer here, for any byte; `on_message_begin` does, for a request.
        if self._discarding:
            return
        self._bounds.begin_feed()
        try:
            self._feed(data)
            self._bounds.end_feed(len(data))
            if self._stage is Stage.HEAD:
                # Not when it begins: most heads are complete by now, and need no timer.
                self._head_deadline.start()
        except httptools.HttpParserError as error:
            ours = error.__context__
            self._refuse(ours if isinstance(ours, Refusal) else malformed())
        except ConnectionEndingError as error:
            self._refuse(error)

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # We ignore wishes to upgrade (RFC 9110, 7.8), but the parser has stopped: go on with a fresh one.
                # Java's HttpClient wishes for h2c with every first request, bodies included.
                version = self.parser.get_http_version().encode()
                head = without_upgrade(self.parser.get_method(), self.url, version, self.headers)
                data = head + data[upgrade.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            else:
                return

    # What the parser reports. An exception raised here comes out of `feed_data` as the context of its own.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._stage = Stage.HEAD
        self._bounds.begin_head()

    def on_url(self, url: bytes) -> None:
        self._bounds.head.add_url(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._stage is Stage.HEAD:  # else it is a trailer, and nothing here reads any
            self._bounds.head.add_header(name, value)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        check_framing(method, version, self.headers)
        if self.parser.should_upgrade():
            return  # comes again, without the wish
        self._check_room()
        path, query = split_target(self.url)
        self.scope["method"] = method.decode("ascii")
        self.scope["http_version"] = version
        self.scope["path"] = unquote(path.decode("ascii"))
        self.scope["raw_path"] = path
        self.scope["query_string"] = query
        if not self._welcome:
            raise TooManyConnectionsError(
                f"There are {self._limits.connections} connections already, which is all that this server takes. "
                "Try again later, or use fewer."
            )
        self._head_deadline.stop()
        self._unset_keepalive_if_required()
        self._stage = Stage.BODY
        self._bounds.begin_body()
        self._take(self._new_cycle(keep_alive=version == "1.1" and self.parser.should_keep_alive()))

    def on_body(self, body: bytes) -> None:
        self._bounds.add_body(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._bounds.report()
        self._stage = Stage.BETWEEN
        super().on_message_complete()

    # Refusals

    def _refuse(self, error: Refusal) -> None:
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

    def _refused_cycle(self, error: Refusal) -> Cycle:
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
