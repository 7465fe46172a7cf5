"""GET /v1/models and GET /v1/models/{id}."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.api.services import Services
from service.record import RequestRecord

router = APIRouter()


class Model(msgspec.Struct, frozen=True):
    """A name under which requests are served."""

    id: str
    object: Literal["model"]
    created: Annotated[int, msgspec.Meta(description="Unix time at which this process began.")]
    owned_by: Literal["tidegate"]
    root: Annotated[str, msgspec.Meta(description="The model's first name.")]
    parent: Annotated[str | None, msgspec.Meta(description="Of a LoRA adapter: its model.")]
    max_model_len: Annotated[int | None, msgspec.Meta(description="Context in tokens.")]


class ModelList(msgspec.Struct, frozen=True):
    """All of them."""

    object: Literal["list"]
    data: list[Model]


@router.get("/v1/models")
async def list_models(request: Request) -> Response:
    """Every name under which the model is served, and every LoRA adapter of it."""
    services = _services(request)
    return _json(ModelList("list", [_model(services, name) for name in services.gateway.served_models]))


@router.get("/v1/models/{name:path}")
async def get_model(name: str, request: Request) -> Response:
    """One model by its name, which may contain slashes."""
    services = _services(request)
    services.gateway.check_model(name)
    return _json(_model(services, name))


def _services(request: Request) -> Services:
    services = Services.of(request)
    RequestRecord.of(request.scope).route = "models"
    if services.lifecycle.info is None and (refusal := services.lifecycle.refusal()):
        raise refusal
    return services


def _model(services: Services, name: str) -> Model:
    info = services.lifecycle.info
    return Model(
        id=name,
        object="model",
        created=services.started_at,
        owned_by="tidegate",
        root=info.model if info else name,
        parent=info.model if info and name in info.adapters else None,
        max_model_len=info.max_model_len if info else None,
    )


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")
