"""The body of a request as bytes, if it claims to be plain JSON. Its size and slowness are middleware's business."""

from starlette.requests import Request

from service.errors import MediaTypeError


async def read_json_body(request: Request) -> bytes:
    """The whole body. Raises `MediaTypeError` for anything that is not declared as unencoded JSON."""
    declared = request.headers.get("content-type", "application/json")
    media_type = declared.partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise MediaTypeError("The body must be JSON. Send it with 'Content-Type: application/json'.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise MediaTypeError("The body must not be compressed. Send it without 'Content-Encoding'.")
    return await request.body()
