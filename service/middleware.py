"""Pure ASGI middleware, outermost first; `app.py` shows the order.

RequestLog    request id, the access log line and the count at the end, and the one broad handler of what nobody
              expected
HeadAsGet     HEAD is answered as GET would be; the listener leaves the body out
BodyLimit     refuses what the listener found wrong, and puts size and time caps on request bodies
"""

import asyncio
import logging
import re
import time
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import logs
from service.errors import BodyTooLargeError, InternalError, RequestTimeoutError, TidegateError
from service.ids import IdSource
from service.metric_families import OTHER
from service.record import RequestRecord
from service.request_header import header_of
from service.telemetry import Telemetry
from service.transport.cycle import REFUSAL

logger = logging.getLogger("tidegate.access")

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class RequestLog:
    """Gives each request an id, logs it once when it is over, and turns an unexpected exception into a 500."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry
        self._ids = IdSource()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = RequestRecord(self._request_id(header_of(scope, b"x-request-id")))
        record.attach(scope)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", record.id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            record.outcome = "cancelled"  # its client left before the body was complete
        except Exception as error:  # the one broad handler: whatever comes up to here is a defect of ours
            record.outcome = "server_error"
            logger.error("unhandled error", exc_info=error, extra={"fields": {"request_id": record.id}})
            if record.status:
                raise  # the response has begun; the server can only cut the connection
            await send_error(InternalError("Something went wrong here; the log has the details."), send_with_id)
        finally:
            outcome = record.conclude()
            if not record.counted and not record.is_probe:
                self._telemetry.recorder(record.route, record.model or OTHER).refused(outcome)
            _log(scope, record)

    def _request_id(self, given: bytes) -> str:
        """The caller's id if it is harmless, else one of ours."""
        return given.decode() if _REQUEST_ID.fullmatch(given) else f"req-{self._ids.next()}"


class HeadAsGet:
    """Lets the routes see GET for HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A copy: the listener must still know that it was HEAD.
        await self._app({**scope, "method": "GET"} if scope.get("method") == "HEAD" else scope, receive, send)


class BodyLimit:
    """Refuses bodies that are too large, before reading them where their length is declared, and too slow ones.

    The listener's own refusals are answered here too, since it is inside `RequestLog`.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.get("state", {})
        if (refusal := state.get(REFUSAL)) is not None:
            await send_error(refusal, send)
            return
        declared = header_of(scope, b"content-length")
        if declared.isdigit() and int(declared) > self._max_bytes:
            await send_error(self._too_large(), send)
            return
        deadline = time.monotonic() + self._timeout_seconds
        got = 0
        complete = False

        async def limited_receive() -> Message:
            nonlocal got, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise RequestTimeoutError(
                    f"The body was not complete after {self._timeout_seconds:g} s. Send it in one go."
                ) from None
            if (refusal := state.get(REFUSAL)) is not None:
                raise refusal
            got += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if got > self._max_bytes:
                raise self._too_large()
            return message

        await self._app(scope, limited_receive, send)

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(f"The body is larger than {self._max_bytes} bytes. Send less at once.")


async def send_error(error: TidegateError, send: Send) -> None:
    """The response for an error, as bare ASGI messages."""
    body = error.body()
    headers = MutableHeaders({"content-type": "application/json", "content-length": str(len(body)), **error.headers})
    await send({"type": "http.response.start", "status": error.status, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})


def _log(scope: Scope, record: RequestRecord) -> None:
    level = logging.DEBUG if record.is_probe else logging.INFO
    if not logger.isEnabledFor(level):
        return
    fields = {
        "request_id": record.id,
        "method": scope["method"],
        "route": record.route,
        "status": record.status,
        "outcome": record.outcome,
        "model": record.model,
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
        "cached_tokens": record.cached_tokens,
        "duration_seconds": round(time.monotonic() - record.received, 6),
    }
    known = {name: value for name, value in fields.items() if value is not None}
    logs.emit(logger, level, "request", **known)
