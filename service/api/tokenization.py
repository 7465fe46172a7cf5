"""POST /tokenize and POST /detokenize, compatible with vLLM's."""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.api.json_body import read_json_body
from service.api.schema import DetokenizeRequest, TokenizeRequest, parse
from service.api.services import Services
from service.record import RequestRecord

router = APIRouter()


class Tokens(msgspec.Struct, frozen=True):
    """A prompt's tokens."""

    count: int
    max_model_len: int
    tokens: list[int]
    token_strs: list[str] | None


class DetokenizedText(msgspec.Struct, frozen=True):
    """The text of tokens."""

    prompt: str


@router.post("/tokenize")
async def tokenize(request: Request) -> Response:
    """The tokens of a text or a conversation, and how many there are."""
    services, record = Services.of(request), RequestRecord.of(request.scope)
    record.route = "tokenize"
    wanted = parse(TokenizeRequest, await read_json_body(request))
    record.model = services.gateway.resolve(wanted.model)
    prompt = await services.gateway.tokenize(wanted.to_prompt())
    ids, info = prompt.token_ids, services.lifecycle.info
    return _json(Tokens(len(ids), info.max_model_len if info else 0, ids, prompt.token_strings))


@router.post("/detokenize")
async def detokenize(request: Request) -> Response:
    """The text that tokens stand for."""
    services, record = Services.of(request), RequestRecord.of(request.scope)
    record.route = "detokenize"
    wanted = parse(DetokenizeRequest, await read_json_body(request))
    record.model = services.gateway.resolve(wanted.model)
    return _json(DetokenizedText(await services.gateway.detokenize(wanted.tokens)))


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")
