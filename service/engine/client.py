"""`HostedEngine`: any engine in a process of its own, seen from the gateway as an ordinary `Engine`.

The gateway's event loop so never feels an import, a load or a tokenisation. All frames that have arrived go to their
streams before any stream gets its turn, and a stream hands on all that has gathered since it was last asked: what came
while the gateway was busy leaves in one write per stream, and the busier it is, the less a token costs.

Does not know which engine the host runs.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from service.engine import wire
from service.engine.base import Health, Phase, Progress, ReportProgress
from service.engine.deltas import Embedding
from service.engine.device_memory import ReadFreeBytes
from service.engine.encoded_stream import MAX_WAITING_BYTES, EncodedStream
from service.engine.engine_tree import EngineTree
from service.engine.frames import FrameConnection
from service.engine.in_hand import InHand
from service.engine.info import EngineInfo
from service.engine.process import HostProcess
from service.engine.process_watch import killed_by
from service.engine.prompts import ChatPrompt, Prompt, Renderable
from service.engine.requests import EmbeddingRequest, GenerationRequest
from service.errors import EngineDiedError, EngineUnavailableError

logger = logging.getLogger("tidegate.engine")

STOP_TIMEOUT_SECONDS: Final = 10.0
"""How long a host may take to close its engine before it is killed."""

SUSPICION_SECONDS: Final = 0.25
"""How long the host may take to name the cause after the first request that failed because the engine died."""

CLOSE_SECONDS: Final = 1.0
"""How long the socket may take to close once the host is gone."""


class HostedEngine:
    """An engine behind a socket. `start_message` makes the host's first line of input from the socket's address.

    `read_progress` looks at a line that the engine printed and returns the health it stands for, or None.
    `read_free_bytes` tells the free memory of the devices that the engine may use.
    """

    def __init__(
        self,
        start_message: Callable[[str], bytes],
        read_progress: Callable[[str], Health | None],
        read_free_bytes: ReadFreeBytes,
    ) -> None:
        self._start_message = start_message
        self._read_progress = read_progress
        self._read_free_bytes = read_free_bytes
        self._health = Health(Phase.STARTING)
        self._report: ReportProgress = lambda health: None
        self._in_hand = InHand()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(wire.ToClient).decode
        self._tree: EngineTree | None = None
        self._server: asyncio.Server | None = None
        self._connection: FrameConnection | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._started: asyncio.Future[EngineInfo] | None = None
        self._dead = False
        self._removing: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._heard = time.monotonic()
        self._progress: Progress | None = None
        self._suspicion: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the host, for measuring it."""
        return self._tree.host.pid if self._tree and self._tree.host else None

    @property
    def directory(self) -> Path | None:
        """Private folder of the engine, from start to close."""
        return self._tree.directory.path if self._tree else None

    async def start(self, report: ReportProgress) -> EngineInfo:
        self._report = report
        self._started = asyncio.get_running_loop().create_future()
        self._tree = await EngineTree.create(self._read_free_bytes)
        address = f"{self._tree.directory.path}/engine.sock"
        try:
            self._server = await asyncio.get_running_loop().create_unix_server(
                lambda: FrameConnection(self._take, on_made=self._connected, on_lost=self._disconnected), address
            )
        except OSError as error:  # such as an address that is too long, for TMPDIR is
            raise EngineUnavailableError(f"The engine's socket could not be made at {address}: {error}.") from error
        host = await self._tree.spawn(self._start_message(address), self._take_line)
        self._watcher = asyncio.create_task(self._watch(host))
        info = await self._started
        await self._tree.note()
        return info

    async def render(self, prompt: Renderable) -> list[Prompt]:
        answer: list[Prompt] = await self._call(lambda call: wire.Render(call, prompt))
        if isinstance(prompt, ChatPrompt) and prompt.images:
            # The host leaves it out, so that images do not come back over the socket.
            return [msgspec.structs.replace(each, source=prompt) for each in answer]
        return answer

    async def detokenize(self, token_ids: list[int]) -> str:
        answer: str = await self._call(lambda call: wire.Detokenize(call, token_ids))
        return answer

    async def embed(self, request: EmbeddingRequest) -> Embedding:
        answer: Embedding = await self._call(lambda call: wire.Embed(call, request))
        return answer

    async def metrics(self) -> bytes:
        if self._health.phase is not Phase.READY:
            return b""
        answer: bytes = await self._call(wire.ReadMetrics)
        return answer

    async def load_adapter(self, name: str, folder: str) -> tuple[str, ...]:
        names: tuple[str, ...] = await self._call(lambda call: wire.LoadAdapter(call, name, folder))
        return names

    async def unload_adapter(self, name: str) -> tuple[str, ...]:
        names: tuple[str, ...] = await self._call(lambda call: wire.UnloadAdapter(call, name))
        return names

    def generate(self, request: GenerationRequest) -> EncodedStream:
        limit = None if request.whole else MAX_WAITING_BYTES
        number, stream = self._in_hand.new_stream(lambda number: self._send(wire.Abort(number)), limit)
        if self._health.phase is Phase.READY:
            self._send(wire.Generate(number, request))
        else:
            self._in_hand.fail_stream(number, self._unavailable())
        return stream

    def health(self) -> Health:
        return self._health

    def progress(self) -> Progress | None:
        return self._progress

    @property
    def silence_seconds(self) -> float:
        """Time since the host was last heard, which sends a heartbeat twice a second once it has started."""
        return time.monotonic() - self._heard

    async def kill(self, reason: str) -> None:
        """Give up an engine that hangs: what it has in hand fails with `EngineDiedError`. Else as `aclose`, at once."""
        if self.pid is not None:
            self._die(reason)
        await self.aclose()

    async def aclose(self) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        # Who gives up waiting must not leave half of it lying about.
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        if self._suspicion is not None:
            self._suspicion.cancel()
        if self._tree is not None:
            # One that is dead or still loading would not listen, and has nothing to lose.
            if self._tree.host is not None and self._health.phase is Phase.READY:
                await self._tree.note()
                self._send(wire.Stop())
                await self._tree.host.stopped(STOP_TIMEOUT_SECONDS)
            await self._tree.remove()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        if not self._dead:
            self._health = Health(Phase.FAILED, reason="The engine was stopped.")
            self._fail_all(self._unavailable())
        if self._server is not None:
            self._server.close()
        if self._connection is not None:
            await self._connection.close(CLOSE_SECONDS)

    async def _call(self, message: Callable[[int], wire.ToHost]) -> Any:
        if self._health.phase is not Phase.READY:
            raise self._unavailable()
        number, answer = self._in_hand.new_call()
        try:
            self._send(message(number))
            return await answer
        except asyncio.CancelledError:
            if not self._closing:
                self._send(wire.CancelCall(number))
            raise

    def _connected(self, connection: FrameConnection) -> None:
        assert self._server is not None
        self._server.close()  # there is one host, and nobody else is to take its place
        self._connection = connection

    def _disconnected(self) -> None:
        # As a rule the process has ended, and how it did is about to be known.
        self._suspect("The engine's process has closed its socket.")

    def _send(self, message: wire.ToHost) -> None:
        if self._connection is not None:
            self._connection.send(self._encode(message))

    def _take(self, frame: memoryview) -> None:
        self._heard = time.monotonic()
        message = self._decode(frame)
        if isinstance(message, wire.EncodedDeltas):
            self._in_hand.deliver(message)
        else:
            self._take_message(message)

    def _take_message(self, message: wire.ToClient) -> None:
        match message:
            case (
                wire.Rendered(call, answer)
                | wire.Detokenized(call, answer)
                | wire.Embedded(call, answer)
                | wire.MetricsText(call, answer)
                | wire.AdaptersServed(call, answer)
            ):
                self._in_hand.answer(call, answer)
            case wire.CallFailed(_, failure) if self._is_death(failure):
                self._suspect(failure.message)
            case wire.CallFailed(call, failure):
                self._in_hand.fail_call(call, failure.error())
            case wire.StreamFailed(_, failure) if self._is_death(failure):
                self._suspect(failure.message)
            case wire.StreamFailed(number, failure):
                self._in_hand.fail_stream(number, failure.error())
            case wire.Report(health) if health.phase is Phase.FAILED and self._health.phase is Phase.READY:
                self._die(health.reason or "The engine died.")
            case wire.Report(health):
                self._set_health(health)
                if health.phase is Phase.FAILED:
                    # The host says next why the start failed, unless it hangs with its engine.
                    self._suspect(health.reason or "The engine died.")
            case wire.Heartbeat(progress):
                self._progress = progress
            case wire.Started(info):
                self._health = Health(Phase.READY)
                if self._started is not None and not self._started.done():
                    self._started.set_result(info)
            case wire.StartFailed(failure):
                self._set_health(Health(Phase.FAILED, reason=failure.message))
                if self._started is not None and not self._started.done():
                    self._started.set_exception(failure.error())

    def _take_line(self, line: str) -> None:
        logger.debug("engine output", extra={"fields": {"line": line}})
        if self._health.phase not in (Phase.READY, Phase.FAILED) and (health := self._read_progress(line)):
            self._set_health(health)

    def _set_health(self, health: Health) -> None:
        if health != self._health:
            self._health = health
            self._report(health)

    def _is_death(self, failure: wire.Failure) -> bool:
        return failure.kind == EngineDiedError.__name__

    def _suspect(self, reason: str) -> None:
        """Wait a moment for the host to name the cause; what fails because the engine died is told sooner."""
        if self._suspicion is None:
            self._suspicion = asyncio.get_running_loop().call_later(SUSPICION_SECONDS, self._die, reason)

    def _die(self, reason: str) -> None:
        """Give the engine up: kill it, and fail all that it had in hand. Only the first reason counts."""
        if self._dead or self._closing:
            return
        self._dead = True
        assert self._tree is not None
        assert self._tree.host is not None
        assert self._started is not None
        self._removing = asyncio.create_task(self._tree.remove(for_another=True))
        if self._health.phase is not Phase.FAILED:
            self._set_health(Health(Phase.FAILED, reason=reason))
        if self._started.done():
            self._fail_all(EngineDiedError(f"{reason} Try again later."))
        else:
            tail = " | ".join(list(self._tree.host.last_lines)[-3:])
            self._fail_all(EngineDiedError(f"{reason.removesuffix('.')}: {tail}"))

    def _fail_all(self, error: EngineUnavailableError) -> None:
        if self._started is not None and not self._started.done():
            self._started.set_exception(error)
        self._in_hand.fail_all(error)

    async def _watch(self, host: HostProcess) -> None:
        code = await host.wait()
        ended = killed_by(-code) if code < 0 else f"ended with exit code {code}"
        self._die(f"The engine process {ended}.")

    def _unavailable(self) -> EngineUnavailableError:
        reason = self._health.reason or f"The engine is {self._health.phase.value}."
        return EngineUnavailableError(f"{reason} Try again later.")
