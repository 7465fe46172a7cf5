"""GET /metrics and GET /openapi.json, on the management listener only."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.api.openapi import document
from service.errors import UnavailableError
from service.record import RequestRecord

router = APIRouter()


@router.get("/openapi.json")
async def openapi() -> JSONResponse:
    """What `tidegate openapi` prints."""
    return JSONResponse(document())


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Our own series, then the engine's."""
    if (record := RequestRecord.find(request.scope)) is not None:
        record.is_probe = True
    state = request.app.state
    try:
        series = await state.engine.metrics()
    except UnavailableError:
        series = b""  # a scrape must succeed while the engine is down: that is when it is needed most
    return Response(state.telemetry.render(series), media_type="text/plain; version=0.0.4; charset=utf-8")
