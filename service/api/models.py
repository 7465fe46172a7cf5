"""GET /v1/models and GET /v1/models/{id}."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from service.api.services import Services
from service.record import RequestRecord

router = APIRouter()


@router.get("/v1/models", summary="List the models that are served")
async def list_models(request: Request) -> JSONResponse:
    """Every name under which the model is served, and every LoRA adapter of it."""
    services = _services(request)
    return JSONResponse({"object": "list", "data": [_model(services, name) for name in services.gateway.served_models]})


@router.get("/v1/models/{name:path}", summary="Describe one model")
async def get_model(name: str, request: Request) -> JSONResponse:
    """One model by its name, which may contain slashes."""
    services = _services(request)
    services.gateway.check_model(name)
    return JSONResponse(_model(services, name))


def _services(request: Request) -> Services:
    services = Services.of(request)
    RequestRecord.of(request.scope).route = "models"
    if services.lifecycle.info is None and (refusal := services.lifecycle.refusal()):
        raise refusal
    return services


def _model(services: Services, name: str) -> dict[str, Any]:
    info = services.lifecycle.info
    return {
        "id": name,
        "object": "model",
        "created": services.started_at,
        "owned_by": "tidegate",
        "root": info.model if info else name,
        "parent": info.model if info and name in info.adapters else None,
        "max_model_len": info.max_model_len if info else None,
    }
