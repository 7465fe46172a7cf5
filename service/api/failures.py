"""Exceptions as HTTP responses: the one table of exception handlers."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.errors import InvalidRequestError, MethodNotAllowedError, RouteNotFoundError, TidegateError
from service.gateway.generation import outcome_of
from service.record import RequestRecord


def answer_error(request: Request, error: Exception) -> Response:
    """The response for one of our own errors."""
    assert isinstance(error, TidegateError)
    if (record := RequestRecord.find(request.scope)) is not None:
        record.outcome = outcome_of(error)
    return Response(error.body(), status_code=error.status, media_type="application/json", headers=error.headers)


def answer_http_exception(request: Request, error: Exception) -> Response:
    """The response for what the router refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            ours: TidegateError = RouteNotFoundError(f"There is no {request.method} route at this path.")
        case 405:
            ours = MethodNotAllowedError(f"This path does not take {request.method}.")
        case _:
            ours = InvalidRequestError(str(error.detail))
    response = answer_error(request, ours)
    response.headers.update(error.headers or {})
    return response
