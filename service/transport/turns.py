"""`TurnTaking`: the requests of one connection, answered one after another, and how the connection ends.

Requests sent ahead are few; a reader that stops reading is cut off; a connection that ends while the client still sends
is closed in a way that lets the client read why.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.errors import MalformedHttpError
from service.transport.cycle import Cycle
from service.transport.deadline import Deadline
from service.transport.write_guard import WriteGuard

if TYPE_CHECKING:
    from service.transport.config import ListenerConfig

MAX_SENT_AHEAD: Final = 8
"""Requests that may wait for the response to one before them on the same connection."""

LINGER_SECONDS: Final = 1.0
"""How long a client that still sends is listened to after its last response. Closing at once would reset the
connection, and the reset may overtake the response (RFC 9112, 9.6)."""


class TurnTaking(HttpToolsProtocol):
    """The side of a connection that answers. The side that reads is a subclass's business."""

    def __init__(
        self,
        config: "ListenerConfig",
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = config.limits
        self._running: Cycle | None = None
        self._discarding = False
        self._write_guard = WriteGuard(self.loop, self._limits.write_seconds, self._disconnect_all)
        self._linger_deadline = Deadline(self.loop, LINGER_SECONDS, lambda: self.transport.abort())

    def connection_lost(self, exc: Exception | None) -> None:
        self._write_guard.stop()
        self._linger_deadline.stop()
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

    def _check_room(self) -> None:
        """Raise `MalformedHttpError` if too many requests wait already."""
        if len(self.pipeline) == MAX_SENT_AHEAD:
            raise MalformedHttpError(
                f"More than {MAX_SENT_AHEAD} requests were sent ahead. Wait for responses, or use more connections."
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

    # Output, and the end

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_guard.start(self.transport)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._write_guard.stop()

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

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _close(self) -> None:
        """Close once all is written, or when nobody has read it in time."""
        if not self.transport.is_closing():
            self.transport.close()
            self._write_guard.start(self.transport)

    def _linger(self) -> None:
        """Say that nothing more comes, and give the client a moment to read that."""
        self._discarding = True
        self.transport.write_eof()
        self.flow.resume_reading()
        self._linger_deadline.start()
