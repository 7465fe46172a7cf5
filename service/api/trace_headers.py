"""The W3C trace context of a request."""

from starlette.requests import Request


def trace_headers(request: Request) -> dict[str, str]:
    """`traceparent` and `tracestate`, those that are there."""
    headers = request.headers
    return {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
