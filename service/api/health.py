"""GET /health/live and GET /health/ready, on both listeners."""

from typing import Annotated, Literal

from fastapi import APIRouter
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse

from service.api.services import Services
from service.engine.base import Phase
from service.record import RequestRecord

router = APIRouter(prefix="/health")


class Liveness(Struct):
    """The process answers."""

    status: Literal["alive"]


class Readiness(Struct):
    """`Lifecycle.snapshot` as a type, for the OpenAPI document."""

    ready: bool
    phase: Phase
    fraction: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None, Meta(description="How much of the phase is done, where known.")
    ]
    reason: Annotated[str | None, Meta(description="Why the engine failed, or is being replaced.")]
    unready_seconds: Annotated[float, Meta(ge=0, description="Since the process began or its engine died; 0 if ready.")]
    phase_seconds: Annotated[float, Meta(ge=0)]
    elapsed_seconds: Annotated[float, Meta(ge=0, description="Since the process began.")]
    in_flight: Annotated[int, Meta(ge=0, description="Requests that are being served.")]


@router.get("/live")
async def live(request: Request) -> JSONResponse:
    """200 for as long as the process can answer; a restart would not help an engine that is still loading."""
    _mark(request)
    return JSONResponse({"status": "alive"})


@router.get("/ready")
async def ready(request: Request) -> JSONResponse:
    """200 when requests are taken, else 503; the body says which phase the engine is in, and for how long."""
    _mark(request)
    lifecycle = Services.of(request).lifecycle
    refusal = lifecycle.refusal()
    headers = {name: value for name, value in refusal.headers.items() if name != "connection"} if refusal else None
    return JSONResponse(lifecycle.snapshot(), status_code=503 if refusal else 200, headers=headers)


def _mark(request: Request) -> None:
    if (record := RequestRecord.find(request.scope)) is not None:
        record.is_probe = True
