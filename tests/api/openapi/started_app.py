"""The public application as schemathesis calls it: in its event loop, with the simulated engine behind it."""

from starlette.types import ASGIApp, Receive, Scope, Send

from service.app import create_app
from service.engine.simulated import SimulatedEngine
from service.lifecycle import Lifecycle
from service.settings import Settings
from service.telemetry import Telemetry


class StartedApp:
    """Starts its engine with the ASGI lifespan, so that both live in one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._lifecycle, self._telemetry = Lifecycle(), Telemetry()
        self._engine = SimulatedEngine(settings.engine, settings.simulation)
        self._app: ASGIApp = create_app(settings, self._engine, lifecycle=self._lifecycle, telemetry=self._telemetry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        await receive()
        info = await self._engine.start(self._lifecycle.report)
        self._telemetry.serve(info)
        self._lifecycle.started(info)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._engine.aclose()
        await send({"type": "lifespan.shutdown.complete"})
