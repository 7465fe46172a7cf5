"""`SupervisedStream`: a generation that outlives engines."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol, Self

import msgspec

from service.engine.base import RESUMING, DeltaStream, Engine
from service.engine.deltas import Delta
from service.engine.requests import GenerationRequest
from service.engine.supervision.journal import Journal
from service.engine.supervision.outcome import DEATHS_SURVIVED, killed_twice, not_back_in_time, not_resumable
from service.engine.supervision.readmission import Ticket
from service.engine.supervision.replay import Replay
from service.errors import EngineDiedError, InternalError, TidegateError

SIGN_OF_LIFE_SECONDS: Final = 5.0
"""How often whoever reads is told that the stream still waits for its engine."""


class Supervisor(Protocol):
    """What a stream needs of the `SupervisedEngine`."""

    resume_timeout_seconds: float

    @property
    def serving(self) -> Engine | None:
        """The engine to generate with, while there is one."""

    def enter(self, stream: "SupervisedStream") -> None:
        """The stream is in the engine's hands."""

    def leave(self, stream: "SupervisedStream") -> None:
        """It is not, any more."""

    def died(self, engine: Engine, error: EngineDiedError) -> None:
        """A stream has heard of its engine's death. It may be the first to, or so late that another one serves."""

    def queue(self, tokens: int) -> Ticket:
        """A place among those that wait for the engine to be back."""

    def obstacle(self, request: GenerationRequest) -> str | None:
        """Why this request cannot be continued exactly, in a sentence; None if it can."""

    def resumed(self) -> None:
        """A stream goes on."""

    def lost(self, error: TidegateError) -> None:
        """A stream ends because of the engine's death."""


class SupervisedStream:
    """A `DeltaStream` that is handed from engine to engine.

    While it waits for one, and has told something before, it yields `RESUMING` from time to time.
    """

    __slots__ = (
        "_closed",
        "_deaths",
        "_engine",
        "_inner",
        "_journal",
        "_replay",
        "_request",
        "_supervisor",
        "_ticket",
        "_until",
    )

    def __init__(self, supervisor: Supervisor, request: GenerationRequest) -> None:
        self._supervisor = supervisor
        self._request = request
        self._journal = Journal(request.sampling.n)
        self._replay: Replay | None = None
        self._ticket: Ticket | None = None
        self._until: float | None = None
        """Event-loop time at which waiting for an engine ends."""
        self._deaths = 0
        self._closed = False
        self._engine: Engine | None = None
        self._inner: DeltaStream | None = None
        if (engine := supervisor.serving) is not None:
            self._run(engine, request)

    @property
    def on_probation(self) -> bool:
        """It runs again after a death, and has told nothing new yet."""
        return self._ticket is not None and self._ticket.on_probation

    def blame(self) -> None:
        """The engine died with this in its hands."""
        self._deaths += 1

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        while not self._closed:
            if (inner := self._inner) is None:
                if not await self._readmitted():
                    return RESUMING
                continue
            try:
                deltas = await anext(inner)
            except EngineDiedError as error:
                self._interrupt(error)
                if self._journal.silent:
                    continue
                return RESUMING
            if self._replay is not None and not (deltas := self._new(self._replay, deltas)):
                continue
            if self._ticket is not None:
                self._ticket.prove()
                self._ticket = None
            self._journal.record(deltas)
            return deltas
        raise StopAsyncIteration

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._supervisor.leave(self)
        if self._ticket is not None:
            self._ticket.prove()
            self._ticket.admit()  # ends the waiting of whoever reads
        if self._inner is not None:
            await self._inner.aclose()

    def _run(self, engine: Engine, request: GenerationRequest) -> None:
        self._engine, self._inner = engine, engine.generate(request)
        self._supervisor.enter(self)

    def _new(self, replay: Replay, deltas: Sequence[Delta]) -> Sequence[Delta]:
        try:
            new = replay.new(deltas)
        except InternalError as error:
            self._supervisor.lost(error)
            raise
        if replay.over:
            self._replay = None
        return new

    def _interrupt(self, death: EngineDiedError) -> None:
        """Take the stream out of the dead engine's hands, unless it is to blame or cannot be continued."""
        assert self._engine is not None
        self._supervisor.died(self._engine, death)
        self._supervisor.leave(self)
        self._engine, self._inner, self._replay = None, None, None
        if self._ticket is not None:
            self._ticket.prove()
            self._ticket = None
        error: InternalError | None = None
        if self._deaths > DEATHS_SURVIVED:
            error = killed_twice()
        elif not self._journal.silent and (obstacle := self._supervisor.obstacle(self._request)) is not None:
            error = not_resumable(obstacle)
        if error is not None:
            self._supervisor.lost(error)
            raise error

    async def _readmitted(self) -> bool:
        """Wait for an engine, but not for longer than whoever reads should go without a sign of life.

        Raises `EngineUnavailableError` if there will be none in time.
        """
        now = asyncio.get_running_loop().time
        if self._ticket is None:
            self._ticket = self._supervisor.queue(self._journal.tokens)
        if self._until is None:
            self._until = now() + self._supervisor.resume_timeout_seconds
        silent = self._journal.silent
        while not self._closed and not self._ticket.admitted.done():
            left = self._until - now()
            if left <= 0:
                error = not_back_in_time(self._supervisor.resume_timeout_seconds)
                self._supervisor.lost(error)
                raise error
            await asyncio.wait([self._ticket.admitted], timeout=left if silent else min(left, SIGN_OF_LIFE_SECONDS))
            if not silent and not self._ticket.admitted.done():
                return False
        if not self._closed:
            self._go_on(self._ticket)
        return True

    def _go_on(self, ticket: Ticket) -> None:
        try:
            ticket.admitted.result()
        except TidegateError as error:
            self._supervisor.lost(error)
            raise
        engine = self._supervisor.serving
        if engine is None:  # it has died again between this ticket's turn and now
            ticket.prove()
            self._ticket = None
            return
        self._until = None
        if self._request.whole or self._journal.silent:
            self._run(engine, self._request)
        else:
            self._run(engine, msgspec.structs.replace(self._request, emitted=self._journal.emitted()))
        self._replay = Replay(self._journal)
        self._supervisor.resumed()
