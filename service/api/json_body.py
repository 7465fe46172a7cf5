"""The body of a request as bytes, if it claims to be plain JSON. Its size and slowness are middleware's business."""

from starlette.requests import Request

from service.api.json_cost import MAX_COST, JsonCost
from service.api.services import Services
from service.errors import BodyTooLargeError, MediaTypeError
from service.request_header import header_of


async def read_json_body(request: Request, max_bytes: int | None = None) -> bytes:
    """The whole body, when it may be parsed: now. `max_bytes` is the route's own cap, below that of the settings.

    Raises `MediaTypeError` for anything that is not declared as unencoded JSON, and `BodyTooLargeError` as soon as it
    is clear that it exceeds the cap, or that parsing it would hold the event loop for too long.
    """
    # Required: without it, a page in somebody's browser could post here unasked (a "simple request" of CORS).
    declared = header_of(request.scope, b"content-type").decode("latin-1")
    media_type = declared.partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise MediaTypeError("The body must be JSON. Send it with 'Content-Type: application/json'.")
    if header_of(request.scope, b"content-encoding").lower() not in (b"", b"identity"):
        raise MediaTypeError("The body must not be compressed. Send it without 'Content-Encoding'.")
    pieces: list[bytes] = []
    cost = JsonCost()
    size = 0
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        if max_bytes is not None and size > max_bytes:
            raise BodyTooLargeError(
                f"The body is larger than {max_bytes} bytes, the most that this path takes. Send less at once."
            )
        cost.add(piece)
        if cost.total > MAX_COST:
            raise BodyTooLargeError(
                f"The body is too costly to parse: its commas, four times its brackets, braces and colons, and an "
                f"eighth of the escapes in its strings, are more than {MAX_COST}. Send less at once."
            )
    await Services.of(request).parsing.wait(cost.total)
    return b"".join(pieces)
