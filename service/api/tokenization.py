"""POST /tokenize and POST /detokenize, compatible with vLLM's."""

from typing import Final

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.api.json_body import read_json_body
from service.api.schema import DetokenizeRequest, TokenizeRequest, parse
from service.api.services import Services
from service.engine.info import EngineInfo
from service.record import RequestRecord

LEAST_CAP_BYTES: Final = 512 * 1024
BYTES_A_TOKEN: Final = 4
"""Usual size of a token. A text of nothing but rare characters makes as many tokens as it has bytes."""

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


def cap_bytes(info: EngineInfo | None) -> int:
    """Cap on a body of /tokenize: more than the context holds, but no millions of tokens, for whose answer everybody
    would have to wait. Looked at before anything of the body is.
    """
    return max(LEAST_CAP_BYTES, BYTES_A_TOKEN * info.max_model_len if info else 0)


@router.post("/tokenize")
async def tokenize(request: Request) -> Response:
    """The tokens of a text or a conversation, and how many there are."""
    services, record = Services.of(request), RequestRecord.of(request.scope)
    record.route = "tokenize"
    wanted = parse(TokenizeRequest, await read_json_body(request, cap_bytes(services.lifecycle.info)))
    record.model = services.gateway.resolve(wanted.model)
    prompt = await services.gateway.tokenize(wanted.to_prompt(), wanted.images)
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
