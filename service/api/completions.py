"""POST /v1/completions."""

import time

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.api.completion_chunks import CompletionChunks, CompletionFold, Echo
from service.api.direct_route import DirectRoute
from service.api.json_body import read_json_body
from service.api.openapi import describes
from service.api.reply import JsonReply, StreamReply
from service.api.schema import CompletionRequest, parse
from service.api.services import Services
from service.api.trace_headers import trace_headers
from service.gateway.call import Call
from service.gateway.generation import Generation
from service.record import RequestRecord

router = APIRouter(route_class=DirectRoute)


@router.post("/v1/completions", **describes("Create a completion", CompletionRequest))
async def create_completion(request: Request) -> Response:
    """Continue raw prompts, streamed or whole."""
    services, record = Services.of(request), RequestRecord.of(request.scope)
    record.route = "completions"
    wanted = parse(CompletionRequest, await read_json_body(request))
    services.gateway.check(wanted.model)
    record.model = wanted.model
    call = Call(
        id=f"cmpl-{services.ids.next()}",
        route="completions",
        model=wanted.model,
        prompt=wanted.to_prompt(),
        max_tokens=wanted.requested_max_tokens,
        sampling=wanted.sampling,
        received=record.received,
        stream=bool(wanted.stream),
        trace_headers=trace_headers(request),
    )
    created, with_logprobs = int(time.time()), wanted.logprobs is not None

    def echoes(generation: Generation) -> list[Echo]:
        return Echo.of(generation.prompts, generation.sampling.n) if wanted.echo else []

    def fold(generation: Generation) -> CompletionFold:
        return CompletionFold(
            call.id,
            created,
            wanted.model,
            n=wanted.n or 1,
            generated=generation.sampling.n,
            with_logprobs=with_logprobs,
            echoes=echoes(generation),
        )

    def chunks(generation: Generation) -> CompletionChunks:
        return CompletionChunks(
            call.id,
            created,
            wanted.model,
            include_usage=wanted.include_usage,
            with_logprobs=with_logprobs,
            echoes=echoes(generation),
        )

    if not wanted.stream:
        return JsonReply(lambda: services.gateway.open(call), fold)
    return StreamReply(
        lambda: services.gateway.open(call),
        chunks,
        include_usage=wanted.include_usage,
    )
