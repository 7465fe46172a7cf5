"""`EmbeddingReply`: the response that carries embeddings, at ASGI level; `reply.py` says why it is built so."""

import asyncio
import base64
import struct
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Literal, TypeAlias, TypeVar

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api.reply import abort_when_gone
from service.gateway.embedding import EmbeddingJob
from service.record import RequestRecord

OpenEmbeddings: TypeAlias = Callable[[], Awaitable[EmbeddingJob]]
EncodingFormat: TypeAlias = Literal["float", "base64"]

VECTORS_A_TURN: Final = 32
"""Vectors that are encoded before the event loop gets its turn again; a thousand dimensions take about 0.1 ms."""

VectorT = TypeVar("VectorT")
"""`EmbeddingVector`, or its bytes where it was encoded before."""


class EmbeddingVector(msgspec.Struct, frozen=True):
    """One input's vector: numbers, or base64 of float32 numbers if that was asked for."""

    index: int
    embedding: list[float] | str
    object: Literal["embedding"] = "embedding"


class EmbeddingUsage(msgspec.Struct, frozen=True):
    """Tokens read."""

    prompt_tokens: int
    total_tokens: int


class _List(msgspec.Struct, Generic[VectorT], frozen=True):
    data: list[VectorT]
    model: str
    usage: EmbeddingUsage
    object: Literal["list"] = "list"


class EmbeddingList(_List[EmbeddingVector], frozen=True):
    """The vectors of all inputs, in their order."""


class EmbeddingReply(Response):
    """Opens a job, replies with its vectors, and closes it, whatever happens in between."""

    def __init__(self, open_job: OpenEmbeddings, encoding_format: EncodingFormat) -> None:
        # Response.__init__ would render a body; there is none yet.
        self.background = None
        self._open = open_job
        self._encoding_format = encoding_format

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        job = await self._open()
        watcher = asyncio.create_task(abort_when_gone(receive, job))
        try:
            await self._reply(job, send)
        finally:
            watcher.cancel()
            await job.aclose()
            RequestRecord.of(scope).settle(job)

    async def _reply(self, job: EmbeddingJob, send: Send) -> None:
        vectors = await job.vectors()
        if vectors is None:
            return
        encoded = await self._encode(vectors)
        usage = EmbeddingUsage(job.prompt_tokens, job.prompt_tokens)
        body = msgspec.json.encode(_List(encoded, job.call.model, usage))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _encode(self, vectors: list[bytes]) -> list[msgspec.Raw]:
        encoded = []
        for index, vector in enumerate(vectors):
            if index % VECTORS_A_TURN == VECTORS_A_TURN - 1:
                await asyncio.sleep(0)
            encoded.append(msgspec.Raw(msgspec.json.encode(EmbeddingVector(index, self._embedding(vector)))))
        return encoded

    def _embedding(self, vector: bytes) -> list[float] | str:
        if self._encoding_format == "base64":
            return base64.b64encode(vector).decode("ascii")
        return list(struct.unpack(f"<{len(vector) // 4}f", vector))
