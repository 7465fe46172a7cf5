"""The public application on a real listener in the test's own event loop, with the simulated engine behind it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import openai
from starlette.types import ASGIApp

from service.app import create_app, create_management_app
from service.engine.base import Engine
from service.engine.simulated import SimulatedEngine
from service.lifecycle import Lifecycle
from service.server import Listener, bind
from service.settings import EngineSettings, ServerSettings, Settings, SimulationSettings
from service.telemetry import Telemetry
from service.transport.config import ListenerConfig

MODEL = "sim"


def port_of(url: str) -> int:
    """The port in a listener's URL."""
    return int(url.rsplit(":", 1)[1])


@dataclass
class LiveApp:
    """A listening application and what stands behind it."""

    url: str
    management_url: str
    engine: Engine
    lifecycle: Lifecycle
    telemetry: Telemetry
    client: openai.AsyncOpenAI
    """The official client, pointed here; it does not retry, so that tests see what was answered."""

    @property
    def port(self) -> int:
        """Of the public listener."""
        return port_of(self.url)

    def http(self) -> httpx.AsyncClient:
        """A plain client."""
        return httpx.AsyncClient(base_url=self.url, timeout=10)


def settings(**simulation: object) -> Settings:
    """Settings of a small simulated service."""
    return Settings(
        engine=EngineSettings(kind="simulated", model=MODEL, in_process=True),
        simulation=SimulationSettings.model_validate(simulation),
        server=ServerSettings(
            max_body_bytes=1_000_000,
            head_timeout_seconds=0.3,
            body_timeout_seconds=0.3,
            write_timeout_seconds=0.3,
        ),
    )


def embedding_settings(*, matryoshka: bool = False, **simulation: object) -> Settings:
    """Settings of a small simulated service that gives embeddings, of 64 dimensions."""
    chosen = settings(**simulation)
    extra = {"runner": "pooling", "hf_overrides": {"is_matryoshka": matryoshka}}
    return chosen.model_copy(update={"engine": chosen.engine.model_copy(update={"extra": extra})})


@contextlib.asynccontextmanager
async def live_app(
    chosen: Settings, *, engine: Engine | None = None, lifecycle: Lifecycle | None = None, start: bool = True
) -> AsyncIterator[LiveApp]:
    """Run the application; with `start=False` its engine stays in the first phase."""
    lifecycle, telemetry = lifecycle or Lifecycle(), Telemetry()
    engine = engine or SimulatedEngine(chosen.engine, chosen.simulation)
    app = create_app(chosen, engine, lifecycle=lifecycle, telemetry=telemetry)
    management = create_management_app(app, engine, telemetry, chosen.management)
    server = chosen.server
    async with _listening(app, server) as url, _listening(management, server) as management_url:
        if start:
            info = await engine.start(lifecycle.report)
            telemetry.serve(info)
            lifecycle.started(info)
        async with openai.AsyncOpenAI(base_url=url + "/v1", api_key="none", max_retries=0) as client:
            yield LiveApp(url, management_url, engine, lifecycle, telemetry, client)
        await engine.aclose()


@contextlib.asynccontextmanager
async def _listening(app: ASGIApp, server: ServerSettings) -> AsyncIterator[str]:
    bound = bind("127.0.0.1", 0, "test port")
    listener = Listener(ListenerConfig(app, server, close_seconds=1))
    serving = asyncio.create_task(listener.serve(sockets=[bound]))
    while not listener.started:
        await asyncio.sleep(0)
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        listener.should_exit = True
        await serving
