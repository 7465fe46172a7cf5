"""`AdapterStream`: a generation with an adapter, which it holds from the request to the end. Imports vLLM."""

from collections.abc import Callable
from typing import Self

from vllm.lora.request import LoRARequest

from service.engine.base import DeltaStream
from service.engine.deltas import Delta
from service.engine.vllm_adapters import VllmAdapter, VllmAdapters
from service.errors import InternalError, InvalidRequestError, ModelNotFoundError


class AdapterStream:
    """A `DeltaStream` that `begin` starts once the adapter is there. An unknown adapter is told by the stream."""

    def __init__(self, adapters: VllmAdapters, name: str, begin: Callable[[LoRARequest], DeltaStream]) -> None:
        self._adapters = adapters
        self._name = name
        self._begin = begin
        self._stream: DeltaStream | None = None
        self._closed = False
        self._unknown: ModelNotFoundError | None = None
        self._adapter: VllmAdapter | None = None
        try:
            self._adapter = adapters.hold(name)
        except ModelNotFoundError as error:
            self._unknown = error

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Delta]:
        if self._stream is None:
            self._stream = await self._start()
        return list(await anext(self._stream))

    async def _start(self) -> DeltaStream:
        if self._unknown is not None:
            raise self._unknown
        if self._adapter is not None:
            try:
                await self._adapter.load()
            except InvalidRequestError as error:
                # Whoever asked for it did nothing wrong.
                raise InternalError(
                    f"The adapter '{self._name}' cannot be loaded; the server's log says why.", code="adapter_failed"
                ) from error
        if self._closed or self._adapter is None:
            raise StopAsyncIteration
        return self._begin(self._adapter.request)

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        adapter, self._adapter = self._adapter, None
        try:
            if self._stream is not None:
                await self._stream.aclose()
        finally:
            if adapter is not None:
                await self._adapters.release(adapter)
