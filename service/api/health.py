"""GET /health/live and GET /health/ready, on both listeners."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from service.api.services import Services
from service.record import RequestRecord

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", summary="Is the process alive?")
async def live(request: Request) -> JSONResponse:
    """200 for as long as the process can answer; a restart would not help an engine that is still loading."""
    _mark(request)
    return JSONResponse({"status": "alive"})


@router.get("/ready", summary="Are requests taken?")
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
