"""`create_app`: the public application; `create_management_app`: metrics, health and adapters, for operators.

All dependencies enter here, so that tests use the same door. Nothing is started by building an app: the engine is
started by `server.py`, which owns its life.
"""

import time

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from service.admin_access import AdminAccess
from service.api import adapters, chat, completions, embeddings, failures, health, management, models, tokenization
from service.api.services import Services
from service.engine.base import Engine
from service.errors import TidegateError
from service.gateway.adapters import Adapters
from service.gateway.gateway import Gateway
from service.gateway.media.images import Images
from service.lifecycle import Lifecycle
from service.middleware import BodyLimit, HeadAsGet, RequestLog
from service.settings import ManagementSettings, MediaSettings, ServerSettings, Settings
from service.telemetry import Telemetry
from service.tracing import Tracer


def create_app(
    settings: Settings,
    engine: Engine,
    *,
    lifecycle: Lifecycle,
    telemetry: Telemetry,
    tracer: Tracer | None = None,
) -> FastAPI:
    """The public application."""
    app = _bare_app("Tidegate")
    app.state.services = Services(
        Gateway(engine, lifecycle, telemetry, tracer, _images(settings.media)),
        Adapters(engine, lifecycle, telemetry, settings.engine.lora_folder),
        lifecycle,
        settings.server,
        int(time.time()),
    )
    generating = (chat.router, completions.router, embeddings.router)
    for router in (*generating, tokenization.router, models.router, health.router):
        app.include_router(router)
    _wrap(app, settings.server, telemetry)
    return app


def _images(media: MediaSettings) -> Images:
    if not media.allowed_hosts:
        return Images(media)
    # Imported only by those who need it: it brings an HTTP client along.
    from service.gateway.media.fetch import ImageFetcher

    return Images(media, ImageFetcher(media))


def create_management_app(
    app: FastAPI, engine: Engine, telemetry: Telemetry, management_settings: ManagementSettings
) -> FastAPI:
    """What operators ask of the same service, on a listener of its own."""
    management_app = _bare_app("Tidegate management")
    management_app.state.services = app.state.services
    management_app.state.engine = engine
    management_app.state.telemetry = telemetry
    for router in (health.router, management.router, adapters.router):
        management_app.include_router(router)
    management_app.add_middleware(AdminAccess, management=management_settings)
    _wrap(management_app, app.state.services.server, telemetry)
    return management_app


def _wrap(app: FastAPI, server: ServerSettings, telemetry: Telemetry) -> None:
    """Middleware is listed innermost first, as Starlette adds it."""
    app.add_middleware(BodyLimit, max_bytes=server.max_body_bytes, timeout_seconds=server.body_timeout_seconds)
    app.add_middleware(HeadAsGet)
    app.add_middleware(RequestLog, telemetry=telemetry)


def _bare_app(title: str) -> FastAPI:
    # A redirect to the path with or without a slash would send the caller to whatever its Host header names.
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_exception_handler(TidegateError, failures.answer_error)
    app.add_exception_handler(HTTPException, failures.answer_http_exception)
    return app
