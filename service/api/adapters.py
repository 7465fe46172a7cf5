"""POST /v1/load_lora_adapter and /v1/unload_lora_adapter, on the management listener only. The bodies are vLLM's."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from service.api.json_body import read_json_body
from service.api.schema import LoadAdapterRequest, UnloadAdapterRequest, parse
from service.api.services import Services

router = APIRouter(prefix="/v1")


@router.post("/load_lora_adapter")
async def load_lora_adapter(request: Request) -> JSONResponse:
    """Serve an adapter under a name of its own from now on."""
    wanted = parse(LoadAdapterRequest, await read_json_body(request))
    await Services.of(request).adapters.load(wanted.lora_name, wanted.lora_path)
    return JSONResponse({"id": wanted.lora_name, "object": "model", "loaded": True})


@router.post("/unload_lora_adapter")
async def unload_lora_adapter(request: Request) -> JSONResponse:
    """Serve an adapter no longer; what it is answering finishes."""
    wanted = parse(UnloadAdapterRequest, await read_json_body(request))
    await Services.of(request).adapters.unload(wanted.lora_name)
    return JSONResponse({"id": wanted.lora_name, "object": "model", "deleted": True})
