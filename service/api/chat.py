"""POST /v1/chat/completions."""

import time

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.api.chat_chunks import ChatChunks, ChatFold, ChatForm
from service.api.direct_route import DirectRoute
from service.api.json_body import read_json_body
from service.api.openapi import describes
from service.api.reply import JsonReply, StreamReply
from service.api.schema import ChatCompletionRequest, parse
from service.api.services import Services
from service.api.trace_headers import trace_headers
from service.gateway.call import Call
from service.gateway.generation import Generation
from service.record import RequestRecord

router = APIRouter(route_class=DirectRoute)


@router.post("/v1/chat/completions", **describes("Create a chat completion", ChatCompletionRequest))
async def create_chat_completion(request: Request) -> Response:
    """Continue a conversation, streamed or whole."""
    services, record = Services.of(request), RequestRecord.of(request.scope)
    record.route = "chat"
    wanted = parse(ChatCompletionRequest, await read_json_body(request))
    services.gateway.check(wanted.model)
    record.model = wanted.model
    call = Call(
        id=f"chatcmpl-{services.ids.next()}",
        route="chat",
        model=wanted.model,
        prompt=wanted.to_prompt(),
        max_tokens=wanted.requested_max_tokens,
        sampling=wanted.sampling,
        received=record.received,
        stream=bool(wanted.stream),
        chat=wanted.chat_output,
        trace_headers=trace_headers(request),
    )
    created = int(time.time())
    form = ChatForm(
        with_logprobs=bool(wanted.logprobs),
        with_reasoning=wanted.include_reasoning,
        legacy_calls=bool(wanted.functions),
    )

    def fold(generation: Generation) -> ChatFold:
        return ChatFold(call.id, created, wanted.model, form, choices=generation.choices)

    if not wanted.stream:
        return JsonReply(lambda: services.gateway.open(call), fold)
    include_usage = wanted.include_usage
    return StreamReply(
        lambda: services.gateway.open(call),
        lambda _: ChatChunks(call.id, created, wanted.model, form, include_usage=include_usage),
        include_usage=include_usage,
    )
