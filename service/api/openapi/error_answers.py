"""Errors in the OpenAPI document: their shape, and what each status means."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from service.api.openapi.answer_schemas import reference
from service.errors import RETRY_AFTER_SECONDS


class ErrorDetails(Struct, forbid_unknown_fields=True):
    """What was wrong."""

    message: Annotated[str, Meta(min_length=1, description="Names the field, the limit, the value and the remedy.")]
    type: Literal["invalid_request_error", "server_error", "service_unavailable_error"]
    param: Annotated[str | None, Meta(description="The field that the error is about, as a path.")]
    code: Annotated[str, Meta(description="For programs; such as `context_length_exceeded`.")]


class Error(Struct, forbid_unknown_fields=True):
    """The body of every error, and the last event of a stream that breaks off."""

    error: ErrorDetails


MEANINGS: Final[Mapping[int, str]] = {
    400: "The request is wrong: its body, a parameter, or its HTTP.",
    404: "The model does not exist here.",
    408: "The request did not arrive in time. The connection ends.",
    413: "The body is too large, or too costly to parse. The connection ends.",
    414: "The URL is too long. The connection ends.",
    415: "The body is not plain JSON.",
    431: "The header fields are too large or too many. The connection ends.",
    500: "Something of ours broke while serving this request.",
    503: "The engine is not ready, too much is waiting, or the server is shutting down.",
}

FOR_ANY: Final = (400, 408, 413, 414, 431, 500)
"""What the listener may answer in place of any route."""
FOR_MODELS: Final = (*FOR_ANY, 503)
FOR_ONE_MODEL: Final = (*FOR_MODELS, 404)
FOR_BODIES: Final = (*FOR_ONE_MODEL, 415)

Statuses: TypeAlias = Iterable[int]

REQUEST_ID: Final[Mapping[str, Any]] = {
    "x-request-id": {
        "description": "The request's id: the caller's own, if it is 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-'.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    }
}

RETRY_AFTER: Final[Mapping[str, Any]] = {
    "retry-after": {
        "description": "Seconds to wait.",
        "required": True,
        "schema": {"type": "integer", "minimum": RETRY_AFTER_SECONDS[0], "maximum": RETRY_AFTER_SECONDS[1]},
    }
}


def responses(statuses: Statuses) -> dict[str, Any]:
    """The entries of `components.responses`, one for each status."""
    return {f"Error{status}": _response(status) for status in statuses}


def references(statuses: Statuses) -> dict[str, Any]:
    """An operation's responses that are errors."""
    return {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in sorted(statuses)}


def _response(status: int) -> dict[str, Any]:
    return {
        "description": MEANINGS[status],
        "headers": {**REQUEST_ID, **(RETRY_AFTER if status == 503 else {})},
        "content": {"application/json": {"schema": reference(Error)}},
    }
