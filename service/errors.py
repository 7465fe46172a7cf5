"""Every error that Tidegate raises on purpose, in one tree; each class knows its HTTP status, type and code.

    TidegateError
    ├── ConfigurationError          settings that cannot work; the process ends with exit code 2
    ├── InvalidRequestError         400  what the caller sent is wrong
    │   ├── ContextLengthError      400  context_length_exceeded
    │   ├── AuthenticationError     401  no key, or a wrong one
    │   ├── PermissionDeniedError   403  not to be had in this way
    │   ├── ModelNotFoundError      404
    │   ├── RouteNotFoundError      404
    │   ├── MethodNotAllowedError   405
    │   ├── MediaTypeError          415
    │   ├── SlowReaderError              what was generated was not read: only ever ends a stream
    │   └── ConnectionEndingError        what else is on the connection cannot be trusted
    │       ├── MalformedHttpError  400
    │       ├── RequestTimeoutError 408  the head or the body did not arrive in time
    │       ├── BodyTooLargeError   413
    │       ├── UrlTooLongError     414
    │       └── HeadTooLargeError   431
    ├── InternalError               500  our fault, for this request only
    └── UnavailableError            503  always carries Retry-After
        ├── EngineUnavailableError       loading, dead or being restarted
        │   └── EngineDiedError          it had this request in hand; the supervision goes on with it if it can
        ├── OverloadedError
        ├── TooManyConnectionsError
        └── ShuttingDownError

This module does not know HTTP frameworks: `body()` renders the JSON of an error response and `event()` the one
SSE event that ends a stream which has already begun. Both have OpenAI's shape, with all four members present, of which
only `param` may be null.
"""

from typing import ClassVar

import msgspec

RETRY_AFTER_SECONDS = (1, 120)
"""Bounds of Retry-After: OpenAI's own client stops retrying above 120 s."""


class TidegateError(Exception):
    """Base of the tree. `message` names the field, the limit, the value given and what to do."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code if code is not None else self.default_code

    @property
    def headers(self) -> dict[str, str]:
        """Extra response headers that belong to this error."""
        return {}

    def body(self) -> bytes:
        """The JSON document of an error response."""
        return msgspec.json.encode(
            {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}
        )

    def event(self) -> bytes:
        """The SSE event that ends a stream which has already begun (no `[DONE]` follows it)."""
        return b"data: " + self.body() + b"\n\n"


class ConfigurationError(TidegateError):
    """Settings that cannot work here. `message` is one readable line."""

    default_code: ClassVar[str] = "configuration_error"


class InvalidRequestError(TidegateError):
    """The request is wrong; sending it again unchanged will fail again."""

    status: ClassVar[int] = 400
    type: ClassVar[str] = "invalid_request_error"
    default_code: ClassVar[str] = "invalid_value"


class ContextLengthError(InvalidRequestError):
    """Prompt and output together do not fit into the model's context."""

    default_code: ClassVar[str] = "context_length_exceeded"


class AuthenticationError(InvalidRequestError):
    """Whoever asks has not shown a valid key. Which of a key's faults it was is never told."""

    status: ClassVar[int] = 401
    default_code: ClassVar[str] = "invalid_api_key"

    @property
    def headers(self) -> dict[str, str]:
        return {"www-authenticate": "Bearer"}


class PermissionDeniedError(InvalidRequestError):
    """Nobody may do this here, in the way it was asked for."""

    status: ClassVar[int] = 403
    default_code: ClassVar[str] = "permission_denied"


class ModelNotFoundError(InvalidRequestError):
    """The named model is not served here."""

    status: ClassVar[int] = 404
    default_code: ClassVar[str] = "model_not_found"


class RouteNotFoundError(InvalidRequestError):
    """No such path."""

    status: ClassVar[int] = 404
    default_code: ClassVar[str] = "not_found"


class MethodNotAllowedError(InvalidRequestError):
    """The path exists, the method does not."""

    status: ClassVar[int] = 405
    default_code: ClassVar[str] = "method_not_allowed"


class ConnectionEndingError(InvalidRequestError):
    """What is left of the request must not be read as the next one, so the connection ends with the response."""

    @property
    def headers(self) -> dict[str, str]:
        return {"connection": "close"}


class MalformedHttpError(ConnectionEndingError):
    """The bytes are no HTTP request, or one that two readers may understand differently."""

    default_code: ClassVar[str] = "malformed_request"


class UrlTooLongError(ConnectionEndingError):
    """The URL is over the cap."""

    status: ClassVar[int] = 414
    default_code: ClassVar[str] = "url_too_long"


class HeadTooLargeError(ConnectionEndingError):
    """The header fields are over a cap."""

    status: ClassVar[int] = 431
    default_code: ClassVar[str] = "headers_too_large"


class RequestTimeoutError(ConnectionEndingError):
    """The head or the body did not arrive in time."""

    status: ClassVar[int] = 408
    default_code: ClassVar[str] = "request_timeout"


class BodyTooLargeError(ConnectionEndingError):
    """The body is over the cap."""

    status: ClassVar[int] = 413
    default_code: ClassVar[str] = "request_too_large"


class MediaTypeError(InvalidRequestError):
    """The body is not plain JSON."""

    status: ClassVar[int] = 415
    default_code: ClassVar[str] = "unsupported_media_type"


class SlowReaderError(InvalidRequestError):
    """More of a stream waits for its reader than may wait."""

    default_code: ClassVar[str] = "reader_too_slow"


class InternalError(TidegateError):
    """Something of ours broke while serving one request."""


class UnavailableError(TidegateError):
    """The service cannot take this request now. `retry_after` is in seconds."""

    status: ClassVar[int] = 503
    type: ClassVar[str] = "service_unavailable_error"
    default_code: ClassVar[str] = "engine_unavailable"

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, retry_after: float = 5.0
    ) -> None:
        super().__init__(message, param=param, code=code)
        low, high = RETRY_AFTER_SECONDS
        # Bounded first, and in this order: an estimate may be infinite, or no number at all.
        self.retry_after = round(min(high, max(low, retry_after)))

    @property
    def headers(self) -> dict[str, str]:
        return {"retry-after": str(self.retry_after)}


class EngineUnavailableError(UnavailableError):
    """The engine is loading, dead or being restarted."""


class EngineDiedError(EngineUnavailableError):
    """The engine died while it had this request in hand."""


class OverloadedError(UnavailableError):
    """More work is waiting than may wait."""

    default_code: ClassVar[str] = "server_is_overloaded"


class TooManyConnectionsError(UnavailableError):
    """More clients are connected than may be. The connection ends with the response."""

    default_code: ClassVar[str] = "too_many_connections"

    @property
    def headers(self) -> dict[str, str]:
        return {**super().headers, "connection": "close"}


class ShuttingDownError(UnavailableError):
    """The process drains; another replica should take the request."""

    default_code: ClassVar[str] = "shutting_down"

    @property
    def headers(self) -> dict[str, str]:
        return {**super().headers, "connection": "close"}


def error_classes() -> dict[str, type[TidegateError]]:
    """All classes of the tree by name, for carrying an error across a process boundary."""
    found: dict[str, type[TidegateError]] = {}
    todo: list[type[TidegateError]] = [TidegateError]
    while todo:
        cls = todo.pop()
        found[cls.__name__] = cls
        todo.extend(cls.__subclasses__())
    return found
