"""`StreamReply` and `JsonReply`: the responses that carry a generation, at ASGI level.

Opening the generation, sending and closing happen in one coroutine with one `finally`, so there is no moment at which
a permit exists that nobody will release. (A generator's `finally` cannot promise that: a body generator that was never
started never runs it.) Meanwhile a watcher waits for the client to go away and then ends the generation.

The status is sent with the first token, so whatever fails until then still gets a real status.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeAlias

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api.usage import Usage
from service.engine.deltas import Delta
from service.errors import TidegateError
from service.gateway.generation import Generation
from service.record import RequestRecord

OpenGeneration: TypeAlias = Callable[[], Awaitable[Generation]]


class Chunks(Protocol):
    """Encodes deltas as SSE events."""

    def events(self, deltas: Sequence[Delta]) -> bytes:
        """Events for a batch, ready to be written in one go; may be empty."""

    def end(self, usage: Usage | None) -> bytes:
        """What follows the last choice's end."""


class Fold(Protocol):
    """Folds deltas into one document."""

    def add(self, deltas: Sequence[Delta]) -> None:
        """Take a batch of deltas."""

    def body(self, usage: Usage) -> bytes:
        """The whole document."""


class Abortable(Protocol):
    """Work that is done for one client."""

    async def abort(self) -> None:
        """Nobody is listening any more."""


class GenerationReply(Response):
    """Opens a generation, replies with it, and closes it, whatever happens in between."""

    def __init__(self, open_generation: OpenGeneration) -> None:
        # Response.__init__ would render a body; there is none yet.
        self.background = None
        self._open = open_generation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        generation = await self._open()
        watcher = asyncio.create_task(abort_when_gone(receive, generation))
        try:
            await self._reply(generation, send)
        finally:
            watcher.cancel()
            await generation.aclose()
            RequestRecord.of(scope).settle(generation)

    async def _reply(self, generation: Generation, send: Send) -> None:
        raise NotImplementedError


class StreamReply(GenerationReply):
    """Server-sent events; whatever is ready together leaves in one write.

    `send` returns when the transport has room again, which is how a slow reader slows only itself. One that takes
    nothing is cut off by the listener, and so goes away like any other. `make_chunks` is called once the generation is
    known.
    """

    def __init__(
        self,
        open_generation: OpenGeneration,
        make_chunks: Callable[[Generation], Chunks],
        *,
        include_usage: bool,
    ) -> None:
        super().__init__(open_generation)
        self._make_chunks = make_chunks
        self._include_usage = include_usage

    async def _reply(self, generation: Generation, send: Send) -> None:
        deltas = await generation.next()
        if deltas is None:
            return
        chunks = self._make_chunks(generation)
        await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
        last = b""
        try:
            while deltas is not None:
                if events := chunks.events(deltas) if deltas else RESUMING_COMMENT:
                    await send({"type": "http.response.body", "body": events, "more_body": True})
                deltas = await generation.next()
            if generation.outcome == "ok":
                usage = Usage.of(generation) if self._include_usage else None
                last = chunks.end(usage)
        except TidegateError as error:
            last = error.event()
        await send({"type": "http.response.body", "body": last})


class JsonReply(GenerationReply):
    """One JSON document, folded from the very same deltas."""

    def __init__(self, open_generation: OpenGeneration, make_fold: Callable[[Generation], Fold]) -> None:
        super().__init__(open_generation)
        self._make_fold = make_fold

    async def _reply(self, generation: Generation, send: Send) -> None:
        fold = self._make_fold(generation)
        while (deltas := await generation.next()) is not None:
            fold.add(deltas)
        if generation.outcome != "ok":
            return
        body = fold.body(Usage.of(generation))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


RESUMING_COMMENT: Final = b": resuming\n\n"
"""Told while the engine is being restarted; by the rules of server-sent events it is no event."""

EVENT_STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # nginx would otherwise gather events into its own buffers.
    (b"x-accel-buffering", b"no"),
]


async def abort_when_gone(receive: Receive, work: Abortable) -> None:
    """The body has been read, so the next message is the client's going away."""
    while (await receive())["type"] != "http.disconnect":
        pass
    await work.abort()
