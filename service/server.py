"""The life of the process, in order: listeners up, engine started beside them, serve, drain, stop.

    bind -> listen (public and management) -> start the engine -> ready -> [SIGTERM] -> drain -> stop the engine -> exit

Knows uvicorn, signals and exit codes; knows nothing of requests.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from fastapi import FastAPI

from service.app import create_app, create_management_app
from service.console import Console
from service.engine.base import Engine, Health, Phase
from service.errors import ConfigurationError, TidegateError
from service.heap import settle_heap
from service.lifecycle import Lifecycle
from service.loop_lag import LoopLagMonitor
from service.settings import Settings
from service.start_history import StartHistory
from service.telemetry import Telemetry
from service.tracing import build_tracer
from service.transport.config import MANAGEMENT_CONNECTIONS, ListenerConfig

logger = logging.getLogger("tidegate.server")

EXIT_FAILURE: Final = 1
EXIT_CONFIGURATION: Final = 2

CLOSE_SECONDS: Final = 5
"""How long connections may take to close once their requests are over."""


class Listener(uvicorn.Server):
    """A uvicorn server that leaves signals to `Service`: there are two of them in one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Service:
    """One run of the service. `run` returns the exit code."""

    def __init__(
        self, settings: Settings, engine: Engine, telemetry: Telemetry, history: StartHistory, console: Console
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._history = history
        self._console = console
        self._telemetry = telemetry
        self._lifecycle = Lifecycle(expected_start_seconds=history.expected_seconds())
        self._tracer = build_tracer(settings.tracing)
        self._stop = asyncio.Event()
        self._impatient = asyncio.Event()
        self._exit_code = 0
        self._restarting = False
        self._listeners: list[tuple[Listener, asyncio.Task[None]]] = []
        self._addresses: list[str] = []

    async def run(self) -> int:
        """Listen, start the engine, serve until told to stop, drain, and clean up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        self._lifecycle.on_change(self._on_health)
        lag = LoopLagMonitor(self._telemetry.observe_loop_lag)
        lag.start()
        starting: asyncio.Task[None] | None = None
        try:
            await self._listen()
            settle_heap()
            starting = asyncio.create_task(self._start_engine())
            starting.add_done_callback(self._on_started)
            await self._stop.wait()
            if self._exit_code == 0 or self._lifecycle.in_flight:
                await self._drain()
        finally:
            if starting is not None:
                starting.cancel()
            await self._engine.aclose()
            await self._close_listeners()
            lag.stop()
            if self._tracer is not None:
                await asyncio.to_thread(self._tracer.shutdown)
        return self._exit_code

    async def _listen(self) -> None:
        server, management = self._settings.server, self._settings.management
        app = create_app(
            self._settings,
            self._engine,
            lifecycle=self._lifecycle,
            telemetry=self._telemetry,
            tracer=self._tracer,
        )
        await self._open(app, server.host, server.port, "server.port")
        if management.enabled:
            management_app = create_management_app(app, self._engine, self._telemetry, management)
            where = (management.host, management.port, "management.port")
            await self._open(management_app, *where, connections=MANAGEMENT_CONNECTIONS)

    async def _open(self, app: FastAPI, host: str, port: int, setting: str, connections: int | None = None) -> None:
        listening = bind(host, port, setting)
        config = ListenerConfig(app, self._settings.server, close_seconds=CLOSE_SECONDS, connections=connections)
        listener = Listener(config)
        task = asyncio.create_task(listener.serve(sockets=[listening]))
        self._listeners.append((listener, task))
        shown = f"[{host}]" if ":" in host else host
        self._addresses.append(f"http://{shown}:{listening.getsockname()[1]}")
        while not listener.started and not task.done():
            await asyncio.sleep(0)
        logger.info("listening", extra={"fields": {"address": self._addresses[-1]}})

    async def _start_engine(self) -> None:
        try:
            info = await self._engine.start(self._lifecycle.report)
        except TidegateError as error:
            self._console.failed(error.message)
            logger.error("engine start failed", extra={"fields": {"reason": error.message}})
            self._end(EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else EXIT_FAILURE)
            return
        seconds = self._lifecycle.elapsed_seconds
        self._history.record(seconds)
        self._telemetry.serve(info)
        self._lifecycle.started(info)
        logger.info("ready", extra={"fields": {"model": info.model, "seconds": round(seconds, 3)}})
        self._console.ready(info, self._addresses[0], self._addresses[1] if self._addresses[1:] else None)

    def _on_started(self, starting: asyncio.Task[None]) -> None:
        """What nobody has foreseen ends the process, too, instead of leaving it without an engine."""
        if not starting.cancelled() and (error := starting.exception()) is not None:
            logger.error("engine start failed", exc_info=error)
            self._console.failed("The engine could not be started; the log says why.")
            self._end(EXIT_FAILURE)

    def _on_health(self, health: Health) -> None:
        self._telemetry.set_phase(health.phase)
        if health.phase is not Phase.READY:
            self._console.progress(health, self._lifecycle.unready_seconds)
        if health.phase is Phase.READY and self._restarting:
            self._console.recovered()
        self._restarting = health.phase is not Phase.READY and self._lifecycle.info is not None
        if health.phase is Phase.FAILED and self._lifecycle.info is not None:
            # It has been restarted as often as is wise; now it is for whoever runs this process.
            self._console.failed(health.reason or "The engine has failed.")
            self._end(EXIT_FAILURE)

    def _on_signal(self) -> None:
        if self._stop.is_set():
            logger.warning("second signal: no longer waiting for what is in flight")
            self._impatient.set()
        self._end(0)

    def _end(self, exit_code: int) -> None:
        self._exit_code = max(self._exit_code, exit_code)
        self._stop.set()

    async def _drain(self) -> None:
        """Let what is in flight finish; the listeners stay, to say that no more is taken."""
        self._lifecycle.drain()
        self._telemetry.set_phase(Phase.DRAINING)
        self._console.draining(self._lifecycle.in_flight)
        logger.info("draining", extra={"fields": {"in_flight": self._lifecycle.in_flight}})
        waits = [asyncio.create_task(wait) for wait in (self._lifecycle.idle(), _wait(self._impatient))]
        await asyncio.wait(
            waits, timeout=self._settings.server.drain_timeout_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for wait in waits:
            wait.cancel()
        if self._lifecycle.in_flight:
            logger.warning("drain ended early", extra={"fields": {"in_flight": self._lifecycle.in_flight}})

    async def _close_listeners(self) -> None:
        for listener, _ in self._listeners:
            listener.should_exit = True
        await asyncio.gather(*(task for _, task in self._listeners))


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def bind(host: str, port: int, setting: str) -> socket.socket:
    """A bound socket. Raises `ConfigurationError` naming the setting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"{setting} is {port}, but {host}:{port} cannot be listened on: {error.strerror}. "
            f"Stop what uses it, or choose another with {setting}."
        ) from error
    bound.set_inheritable(False)
    return bound
