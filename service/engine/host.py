"""The engine's own process: `python -m service.engine.host`, started by `client.py`.

In the order of time: read the start message from standard input, connect the socket, start the engine while
reporting its phases, then serve messages until told to stop. What the streams tell leaves through an `outbox.py`.

Standard input stays open for as long as the gateway lives. When it ends, whatever ended the gateway, the guardian
(`guardian.py`) clears up. Should it not live, this process takes its whole process group with it, so that nobody is
left holding a GPU.

Does not know HTTP, nor which engine it hosts.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Coroutine
from typing import Any, Final

import msgspec

from service.engine import wire
from service.engine.base import DeltaStream, Engine
from service.engine.factory import build_in_process
from service.engine.frames import FrameConnection
from service.engine.outbox import Outbox
from service.engine.rendered_limit import check_carried
from service.engine.requests import GenerationRequest
from service.errors import InternalError, TidegateError
from service.heap import settle_heap
from service.settings import EngineSettings, SimulationSettings

logger = logging.getLogger("tidegate.engine.host")

CLOSE_SECONDS: Final = 2.0
"""How long the gateway may take to read the last that we have said."""

GUARDIAN_SECONDS: Final = 2.0
"""What the guardian may take to kill us after the gateway's end."""

HEARTBEAT_SECONDS: Final = 0.5
"""Between two heartbeats, once the engine has started."""


class StartMessage(msgspec.Struct, frozen=True):
    """What the gateway writes to our standard input, as one line of JSON.

    `environment` is added to ours before anything is imported that might read it.
    """

    address: str
    environment: dict[str, str]
    engine: dict[str, Any]
    simulation: dict[str, Any]
    otlp_endpoint: str | None


class EngineHost:
    """Serves one client over one socket."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stop = asyncio.Event()
        # Whoever has lost us cannot tell us to stop.
        self.connection = FrameConnection(self._take, on_room=lambda: self._outbox.flush(), on_lost=self._stop.set)
        """Our end of the socket, to be connected before `run`."""
        self._outbox = Outbox(self.connection)
        self._decode = msgspec.msgpack.Decoder(wire.ToHost).decode
        self._pumps: dict[int, asyncio.Task[None]] = {}
        self._answers: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> int:
        """Start the engine and serve until told to stop. Returns the process's exit code."""
        try:
            info = await self._engine.start(lambda health: self._outbox.send_at_once(wire.Report(health)))
        except TidegateError as error:
            self._outbox.send(wire.StartFailed(wire.Failure.of(error)))
            return 1
        settle_heap()
        self._outbox.send(wire.Started(info))
        beating = asyncio.create_task(self._beat())
        try:
            await self._stop.wait()
        finally:
            beating.cancel()
        return 0

    def _take(self, frame: memoryview) -> None:
        message = self._decode(frame)
        if isinstance(message, wire.Stop):
            self._stop.set()
        else:
            self._dispatch(message)

    async def _beat(self) -> None:
        """Tell the client how far the engine has come. While the socket takes nothing, nothing piles up."""
        while True:
            if self.connection.room and (progress := self._engine.progress()) is not None:
                self._outbox.send(wire.Heartbeat(progress))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    def _dispatch(self, message: wire.ToHost) -> None:
        match message:
            case wire.Generate(stream, request):
                pump = self._pumps[stream] = asyncio.create_task(self._pump(stream, request))
                # Not at the pump's own end: one that is aborted before its first step never comes to that.
                pump.add_done_callback(lambda _: self._pumps.pop(stream))
            case wire.Abort(stream):
                if stream in self._pumps:
                    self._pumps[stream].cancel()
            case wire.Render(call, _):
                self._answer(call, self._render(message))
            case wire.Detokenize(call, _):
                self._answer(call, self._detokenize(message))
            case wire.Embed(call, _):
                self._answer(call, self._embed(message))
            case wire.CancelCall(call):
                if (answer := self._answers.get(call)) is not None:
                    answer.cancel()
            case wire.ReadMetrics(call):
                self._answer(call, self._read_metrics(message))
            case wire.LoadAdapter(call, _, _):
                self._answer(call, self._load_adapter(message))
            case wire.UnloadAdapter(call, _):
                self._answer(call, self._unload_adapter(message))

    async def _pump(self, number: int, request: GenerationRequest) -> None:
        """Carry one generation's deltas to the outbox; a cancelled pump aborts its engine request."""
        stream: DeltaStream | None = None
        try:
            stream = self._engine.generate(request)
            async for ready in stream:
                await self._outbox.put(number, ready)
            self._outbox.end(number)
        except Exception as error:  # noqa: BLE001 (the outermost handler of a generation in this process)
            self._outbox.send(wire.StreamFailed(number, _failure(error)))
        finally:
            if stream is not None:
                await stream.aclose()

    def _answer(self, call: int, work: Coroutine[Any, Any, wire.ToClient]) -> None:
        async def answer() -> None:
            try:
                self._outbox.send(await work)
            except Exception as error:  # noqa: BLE001 (the outermost handler of a call in this process)
                self._outbox.send(wire.CallFailed(call, _failure(error)))

        def settle(_: asyncio.Task[None]) -> None:
            del self._answers[call]
            work.close()  # a task that was cancelled before its first step has not begun it

        task = self._answers[call] = asyncio.create_task(answer())
        task.add_done_callback(settle)

    async def _render(self, message: wire.Render) -> wire.ToClient:
        prompts = await self._engine.render(message.prompt)
        check_carried(prompts)
        return wire.Rendered(message.call, [msgspec.structs.replace(each, source=None) for each in prompts])

    async def _detokenize(self, message: wire.Detokenize) -> wire.ToClient:
        return wire.Detokenized(message.call, await self._engine.detokenize(message.token_ids))

    async def _embed(self, message: wire.Embed) -> wire.ToClient:
        return wire.Embedded(message.call, await self._engine.embed(message.request))

    async def _read_metrics(self, message: wire.ReadMetrics) -> wire.ToClient:
        return wire.MetricsText(message.call, await self._engine.metrics())

    async def _load_adapter(self, message: wire.LoadAdapter) -> wire.ToClient:
        return wire.AdaptersServed(message.call, await self._engine.load_adapter(message.name, message.folder))

    async def _unload_adapter(self, message: wire.UnloadAdapter) -> wire.ToClient:
        return wire.AdaptersServed(message.call, await self._engine.unload_adapter(message.name))


def _failure(error: Exception) -> wire.Failure:
    if isinstance(error, TidegateError):
        return wire.Failure.of(error)
    logger.error("engine request failed", exc_info=error)
    return wire.Failure.of(InternalError("The engine failed on this request; the server's log says why."))


def _die_with_the_gateway() -> None:
    """Wait for standard input to end, which it does however the gateway dies, then kill our process group.

    The guardian comes first: it notes what is to be removed after us.
    """
    while os.read(sys.stdin.fileno(), 4096):
        pass
    time.sleep(GUARDIAN_SECONDS)
    os.killpg(0, signal.SIGKILL)


async def _serve(start: StartMessage) -> int:
    engine = build_in_process(
        EngineSettings.model_validate(start.engine),
        SimulationSettings.model_validate(start.simulation),
        otlp_endpoint=start.otlp_endpoint,
    )
    host = EngineHost(engine)
    await asyncio.get_running_loop().create_unix_connection(lambda: host.connection, start.address)
    try:
        return await host.run()
    finally:
        await engine.aclose()
        await host.connection.close(CLOSE_SECONDS)


def main() -> None:
    """Entry point of the process."""
    import uvloop

    line = sys.stdin.buffer.readline()
    start = msgspec.json.decode(line, type=StartMessage)
    os.environ.update(start.environment)
    threading.Thread(target=_die_with_the_gateway, daemon=True).start()
    code = uvloop.run(_serve(start))
    sys.stdout.flush()
    # vLLM leaves threads and multiprocessing finalisers that may keep a finished process alive for seconds.
    os._exit(code)


if __name__ == "__main__":
    main()
