"""`SupervisedEngine`: one engine after another behind one seam."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from service.engine.base import Engine, Health, Phase, Progress, ReportProgress
from service.engine.deltas import Embedding
from service.engine.info import EngineInfo
from service.engine.prompts import Prompt, Renderable
from service.engine.requests import EmbeddingRequest, GenerationRequest
from service.engine.resume import why_not_resumable
from service.engine.supervision.adapters import AdapterChanges
from service.engine.supervision.deaths import DeathRecord
from service.engine.supervision.observer import DeathKind, Observer
from service.engine.supervision.outcome import DEATHS_SURVIVED, killed_twice, not_back_in_time
from service.engine.supervision.readmission import Readmission, Ticket
from service.engine.supervision.stream import SupervisedStream
from service.engine.supervision.watchdog import Watchdog
from service.errors import EngineDiedError, EngineUnavailableError, TidegateError
from service.settings import SupervisionSettings

logger = logging.getLogger("tidegate.engine.supervision")

LOOK_SECONDS: Final = 0.5
"""How often the watchdog looks."""

T = TypeVar("T")


class MortalEngine(Engine, Protocol):
    """An engine that can be given up at any moment."""

    async def kill(self, reason: str) -> None:
        """End it at once, whatever it does, with all that belongs to it; what it has in hand hears of its death."""

    @property
    def silence_seconds(self) -> float:
        """Time since it was last heard of, which is twice a second once it has started."""


class SupervisedEngine:
    """An `Engine` that is replaced by a new one when it dies or hangs. `build` makes one that has not been started."""

    def __init__(
        self,
        build: Callable[[], MortalEngine],
        settings: SupervisionSettings,
        observer: Observer,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.resume_timeout_seconds = settings.resume_timeout_seconds
        self._build = build
        self._hang_seconds = settings.hang_seconds
        self._limits = f"{settings.max_deaths} times within {settings.deaths_window_seconds:g} s"
        self._observer = observer
        self._clock = clock
        self._deaths = DeathRecord(settings.max_deaths, settings.deaths_window_seconds, clock)
        self._health = Health(Phase.STARTING)
        self._report: ReportProgress = lambda health: None
        self._engine = build()
        self._serving = False
        self._died_at = 0.0
        self._cause = ""
        self._death = asyncio.Event()
        self._readmission = Readmission()
        self._in_flight: set[SupervisedStream] = set()
        self._adapters = AdapterChanges()
        self._info: EngineInfo | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def serving(self) -> Engine | None:
        return self._engine if self._serving else None

    async def start(self, report: ReportProgress) -> EngineInfo:
        self._report = report
        while True:
            try:
                info = await self._start_engine()
                break
            except EngineDiedError as error:
                # It was killed, and did not say itself what is wrong: another attempt may go better.
                await self._bury("start", error.message)
                if not await self._may_start_again():
                    raise EngineUnavailableError(self._health.reason or error.message) from error
        self._tasks = [asyncio.create_task(self._replace_the_dead()), asyncio.create_task(self._watch())]
        for task in self._tasks:
            task.add_done_callback(self._supervision_ended)
        return info

    async def render(self, prompt: Renderable) -> list[Prompt]:
        return await self._survive(lambda engine: engine.render(prompt))

    async def detokenize(self, token_ids: list[int]) -> str:
        return await self._survive(lambda engine: engine.detokenize(token_ids))

    async def embed(self, request: EmbeddingRequest) -> Embedding:
        return await self._survive(lambda engine: engine.embed(request))

    def generate(self, request: GenerationRequest) -> SupervisedStream:
        return SupervisedStream(self, request)

    async def load_adapter(self, name: str, folder: str) -> tuple[str, ...]:
        names = await self._engine.load_adapter(name, folder)
        self._adapters.loaded(name, folder)
        return names

    async def unload_adapter(self, name: str) -> tuple[str, ...]:
        names = await self._engine.unload_adapter(name)
        self._adapters.unloaded(name)
        return names

    def health(self) -> Health:
        return self._health

    def progress(self) -> Progress | None:
        return self._engine.progress()

    async def metrics(self) -> bytes:
        try:
            return await self._engine.metrics()
        except EngineUnavailableError:
            return b""

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._serving = False
        self._readmission.refuse(EngineUnavailableError("The engine was stopped. Try again later."))
        await self._engine.aclose()

    # What the streams ask for.

    def enter(self, stream: SupervisedStream) -> None:
        self._in_flight.add(stream)

    def leave(self, stream: SupervisedStream) -> None:
        self._in_flight.discard(stream)

    def died(self, engine: Engine, error: EngineDiedError) -> None:
        if engine is self.serving:
            self._note_death("died", error.message)

    def queue(self, tokens: int) -> Ticket:
        return self._readmission.join(tokens)

    def obstacle(self, request: GenerationRequest) -> str | None:
        return why_not_resumable(request, self._info) if self._info else None

    def resumed(self) -> None:
        self._observer.stream_resumed()

    def lost(self, error: TidegateError) -> None:
        self._observer.stream_lost(error.code)

    # Dying and coming back.

    def _hear(self, engine: MortalEngine, health: Health) -> None:
        if engine is not self._engine:
            return
        if health.phase is not Phase.FAILED:
            self._enter(Health(health.phase, health.fraction, self._cause or None))
        elif self._serving:
            self._note_death("died", health.reason or "The engine has failed.")

    def _note_death(self, kind: DeathKind, cause: str) -> None:
        """From now on nothing is taken, and those in flight are to blame, or of them those on probation."""
        self._serving = False
        self._died_at = self._clock()
        self._readmission.close()
        for stream in [each for each in self._in_flight if each.on_probation] or self._in_flight:
            stream.blame()
        self._record(kind, cause)
        # They were in this engine's hands. Whoever hears of it late must not be blamed for the death of the next, too.
        self._in_flight.clear()
        self._death.set()

    def _record(self, kind: DeathKind, cause: str) -> None:
        self._cause = cause
        self._observer.engine_died(kind)
        fields = {"kind": kind, "cause": cause, "in_flight": len(self._in_flight)}
        logger.error("engine died", extra={"fields": fields})
        self._enter(Health(Phase.RESTARTING, reason=cause))

    async def _replace_the_dead(self) -> None:
        while True:
            await self._death.wait()
            self._death.clear()
            await self._engine.kill(self._cause)
            while await self._may_start_again():
                try:
                    await self._start_engine()
                    break
                except TidegateError as error:
                    await self._bury("start", error.message)
            else:
                self._readmission.refuse(EngineUnavailableError(self._health.reason or "The engine has failed."))
                return
            seconds = self._clock() - self._died_at
            self._observer.engine_recovered(seconds)
            logger.info("engine recovered", extra={"fields": {"seconds": round(seconds, 3), "cause": self._cause}})
            self._cause = ""
            self._readmission.open()

    def _supervision_ended(self, task: asyncio.Task[None]) -> None:
        """By an error of ours: no engine would be replaced any more, and nobody would know."""
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.critical("supervision failed", exc_info=error)
            self._serving = False
            reason = "The supervision of the engine failed; the server's log says why."
            self._readmission.refuse(EngineUnavailableError(reason))
            self._enter(Health(Phase.FAILED, reason=reason))

    async def _start_engine(self) -> EngineInfo:
        engine = self._engine
        info = await engine.start(lambda health: self._hear(engine, health))
        await self._adapters.repeat(engine, info)
        if (health := engine.health()).phase is not Phase.READY:
            raise EngineDiedError(health.reason or "The engine died as soon as it was ready.")
        self._info = info
        self._serving = True
        self._enter(Health(Phase.READY))
        return info

    async def _bury(self, kind: DeathKind, cause: str) -> None:
        self._record(kind, cause)
        await self._engine.kill(cause)

    async def _may_start_again(self) -> bool:
        """Wait as long as it is wise, and put a new engine in the place of the old one. False: give up."""
        back_off = self._deaths.back_off()
        if back_off is None:
            self._enter(Health(Phase.FAILED, reason=f"{self._cause} It was the last of {self._limits}: giving up."))
            return False
        await asyncio.sleep(back_off)
        self._engine = self._build()
        return True

    async def _watch(self) -> None:
        watched, watchdog = self._engine, Watchdog(self._hang_seconds, self._clock)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self._serving or self._engine is not watched:
                watched, watchdog = self._engine, Watchdog(self._hang_seconds, self._clock)
            elif (hang := watchdog.look(watched.progress(), watched.silence_seconds)) is not None:
                self._note_death("hung", hang)

    async def _survive(self, call: Callable[[Engine], Awaitable[T]]) -> T:
        """A call that may be made again in the next engine; it too is held for guilty after its second death."""
        deaths = 0
        while True:
            engine = self.serving or await self._next_engine()
            try:
                return await call(engine)
            except EngineDiedError as error:
                self.died(engine, error)
                deaths += 1
                if deaths > DEATHS_SURVIVED:
                    raise killed_twice() from error

    async def _next_engine(self) -> Engine:
        ticket = self.queue(0)
        try:
            async with asyncio.timeout(self.resume_timeout_seconds):
                await ticket.admitted
        except TimeoutError as error:
            raise not_back_in_time(self.resume_timeout_seconds) from error
        finally:
            ticket.prove()
        return self.serving or await self._next_engine()

    def _enter(self, health: Health) -> None:
        self._health = health
        self._report(health)
