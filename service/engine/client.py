"""`HostedEngine`: any engine in a process of its own, seen from the gateway as an ordinary `Engine`.

The gateway's event loop so never feels an import, a load or a tokenisation. All frames that have arrived go to their
streams before any stream gets its turn, and a stream hands on all that has gathered since it was last asked: what came
while the gateway was busy leaves in one write per stream, and the busier it is, the less a token costs.

Does not know which engine the host runs.
"""

import asyncio
import itertools
import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from service.engine import wire
from service.engine.base import (
    Embedding,
    EmbeddingRequest,
    EngineInfo,
    GenerationRequest,
    Health,
    Phase,
    Prompt,
    Renderable,
    ReportProgress,
)
from service.engine.encoded_stream import MAX_WAITING_BYTES, EncodedStream
from service.engine.frames import FrameConnection
from service.engine.process import HostProcess
from service.errors import EngineUnavailableError

logger = logging.getLogger("tidegate.engine")

STOP_TIMEOUT_SECONDS: Final = 10.0
"""How long a host may take to close its engine before its process group is killed."""

CLOSE_SECONDS: Final = 1.0
"""How long the socket may take to close once the host is gone."""


class HostedEngine:
    """An engine behind a socket. `start_message` makes the host's first line of input from the socket's address.

    `read_progress` looks at a line that the engine printed and returns the health it stands for, or None.
    """

    def __init__(self, start_message: Callable[[str], bytes], read_progress: Callable[[str], Health | None]) -> None:
        self._start_message = start_message
        self._read_progress = read_progress
        self._health = Health(Phase.STARTING)
        self._report: ReportProgress = lambda health: None
        self._numbers = itertools.count()
        self._streams: dict[int, EncodedStream] = {}
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(wire.ToClient).decode
        self.directory: Path | None = None
        """Private folder of the socket, from start to close."""
        self._server: asyncio.Server | None = None
        self._connection: FrameConnection | None = None
        self._process: HostProcess | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._started: asyncio.Future[EngineInfo] | None = None
        self._closing = False

    @property
    def pid(self) -> int | None:
        """Process id of the host, for measuring it."""
        return self._process.pid if self._process else None

    async def start(self, report: ReportProgress) -> EngineInfo:
        self._report = report
        self._started = asyncio.get_running_loop().create_future()
        self.directory = Path(tempfile.mkdtemp(prefix="tidegate-"))
        address = f"{self.directory}/engine.sock"
        self._server = await asyncio.get_running_loop().create_unix_server(
            lambda: FrameConnection(self._take, on_made=self._connected), address
        )
        self._process = await HostProcess.spawn(self._start_message(address), self._take_line)
        self._watcher = asyncio.create_task(self._watch_process())
        return await self._started

    async def render(self, prompt: Renderable) -> list[Prompt]:
        answer: list[Prompt] = await self._call(lambda call: wire.Render(call, prompt))
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
        number = next(self._numbers)
        stream = EncodedStream(lambda: self._abort(number), None if request.whole else MAX_WAITING_BYTES)
        if self._health.phase is Phase.READY:
            self._streams[number] = stream
            self._send(wire.Generate(number, request))
        else:
            stream.fail(self._unavailable())
        return stream

    def health(self) -> Health:
        return self._health

    async def aclose(self) -> None:
        if self._closing or self._process is None:
            return
        self._closing = True
        self._send(wire.Stop())
        await self._process.stop(STOP_TIMEOUT_SECONDS)
        assert self._watcher is not None
        assert self._server is not None
        assert self.directory is not None
        self._watcher.cancel()
        await asyncio.gather(self._watcher, return_exceptions=True)
        self._server.close()
        if self._connection is not None:
            await self._connection.close(CLOSE_SECONDS)
        shutil.rmtree(self.directory)

    def _abort(self, number: int) -> None:
        if self._streams.pop(number, None) is not None:
            self._send(wire.Abort(number))

    async def _call(self, message: Callable[[int], wire.ToHost]) -> Any:
        if self._health.phase is not Phase.READY:
            raise self._unavailable()
        number = next(self._numbers)
        future = asyncio.get_running_loop().create_future()
        self._calls[number] = future
        try:
            self._send(message(number))
            return await future
        except asyncio.CancelledError:
            if not self._closing:
                self._send(wire.CancelCall(number))
            raise
        finally:
            del self._calls[number]

    def _connected(self, connection: FrameConnection) -> None:
        assert self._server is not None
        self._server.close()  # there is one host, and nobody else is to take its place
        self._connection = connection
        if self._closing:
            self._send(wire.Stop())

    def _send(self, message: wire.ToHost) -> None:
        if self._connection is not None:
            self._connection.send(self._encode(message))

    def _take(self, frame: memoryview) -> None:
        message = self._decode(frame)
        if isinstance(message, wire.EncodedDeltas):
            self._deliver(message)
        else:
            self._take_message(message)

    def _deliver(self, deltas: wire.EncodedDeltas) -> None:
        streams = self._streams
        for number, part in deltas.items:
            if (stream := streams.get(number)) is not None:
                # A copy: a part of the frame would keep all of it, and a stream may wait for long.
                stream.push(bytes(part))
        for number in deltas.ended:
            if (stream := streams.pop(number, None)) is not None:
                stream.end()

    def _take_message(self, message: wire.ToClient) -> None:
        match message:
            case (
                wire.Rendered(call, answer)
                | wire.Detokenized(call, answer)
                | wire.Embedded(call, answer)
                | wire.MetricsText(call, answer)
                | wire.AdaptersServed(call, answer)
            ):
                if (future := self._calls.get(call)) is not None and not future.done():
                    future.set_result(answer)
            case wire.CallFailed(call, failure):
                if (future := self._calls.get(call)) is not None and not future.done():
                    future.set_exception(failure.error())
            case wire.StreamFailed(number, failure):
                if (stream := self._streams.pop(number, None)) is not None:
                    stream.fail(failure.error())
            case wire.Report(health):
                self._set_health(health)
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

    async def _watch_process(self) -> None:
        assert self._process is not None
        assert self._started is not None
        code = await self._process.wait()
        self._process.kill_group()
        if self._closing:
            return
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if self._health.phase is not Phase.FAILED:
            logger.error("engine process ended", extra={"fields": {"exit_code": code}})
            self._set_health(Health(Phase.FAILED, reason=f"The engine process {ended}."))
        error = self._unavailable()
        if not self._started.done():
            tail = " | ".join(list(self._process.last_lines)[-3:])
            self._started.set_exception(EngineUnavailableError(f"The engine process {ended}: {tail}"))
        for stream in self._streams.values():
            stream.fail(error)
        self._streams.clear()
        for future in self._calls.values():
            if not future.done():
                future.set_exception(error)

    def _unavailable(self) -> EngineUnavailableError:
        reason = self._health.reason or f"The engine is {self._health.phase.value}."
        return EngineUnavailableError(f"{reason} Try again later.")
