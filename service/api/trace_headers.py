"""The W3C trace context of a request."""

from starlette.requests import Request

from service.request_header import header_of


def trace_headers(request: Request) -> dict[str, str]:
    """`traceparent` and `tracestate`, those that are there."""
    fields = {name: header_of(request.scope, name.encode()) for name in ("traceparent", "tracestate")}
    return {name: field.decode("latin-1") for name, field in fields.items() if field}
