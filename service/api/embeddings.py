"""POST /v1/embeddings."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.api.embedding_reply import EmbeddingReply
from service.api.json_body import read_json_body
from service.api.openapi import describes
from service.api.schema import EmbeddingsRequest, parse
from service.api.services import Services
from service.api.trace_headers import trace_headers
from service.gateway.embedding import EmbeddingCall
from service.record import RequestRecord

router = APIRouter()


@router.post("/v1/embeddings", **describes("Create embeddings", EmbeddingsRequest))
async def create_embeddings(request: Request) -> Response:
    """Turn texts into vectors."""
    services, record = Services.of(request), RequestRecord.of(request.scope)
    record.route = "embeddings"
    wanted = parse(EmbeddingsRequest, await read_json_body(request))
    services.gateway.check(wanted.model, "embed")
    record.model = wanted.model
    call = EmbeddingCall(
        id=f"embd-{services.ids.next()}",
        model=wanted.model,
        prompts=wanted.to_prompts(),
        dimensions=wanted.requested_dimensions,
        received=record.received,
        trace_headers=trace_headers(request),
    )
    return EmbeddingReply(lambda: services.gateway.open_embeddings(call), wanted.encoding_format)
