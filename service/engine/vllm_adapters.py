"""The LoRA adapters of one `AsyncLLM`: loaded when first asked for, unloaded when nobody generates with them any more.

Left alone, vLLM loads an adapter in the middle of an engine step, and one that is damaged takes the engine with it.
Asked to add it beforehand, it answers with an error and lives on. Imports vLLM.
"""

import asyncio
import itertools
import logging
from collections.abc import Mapping
from pathlib import Path

from vllm.lora.request import LoRARequest
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError

from service.engine.vllm_translate import translate
from service.errors import InvalidRequestError, ModelNotFoundError

logger = logging.getLogger("tidegate.engine.vllm")

SHOWN_CHARACTERS = 400
"""Of vLLM's reason for refusing an adapter."""


class VllmAdapter:
    """One adapter under one id, from its registration to its removal."""

    def __init__(self, llm: AsyncLLM, request: LoRARequest) -> None:
        self._llm = llm
        self._lock = asyncio.Lock()
        self._tried = False
        self._loaded = False
        self.request = request
        self.holders = 0
        """Generations that use it or are about to."""
        self.leaving = False

    async def load(self) -> None:
        """Make vLLM hold its weights; does nothing the second time. Raises `InvalidRequestError` if it cannot.

        vLLM goes on with what it was told, so a caller that is cancelled leaves the loading to its end.
        """
        await asyncio.shield(asyncio.create_task(self._load()))

    async def remove(self) -> None:
        """Make vLLM forget it, once it has done loading it."""
        async with self._lock:
            await self._forget()

    async def _load(self) -> None:
        async with self._lock:
            if self._loaded:
                return
            self._tried = True
            try:
                await self._llm.add_lora(self.request)
            except EngineDeadError as error:
                raise translate(error) from error
            except Exception as error:  # across its processes vLLM keeps an error's text only
                logger.warning("vllm refused an adapter", exc_info=error)
                # Some of it may have arrived: what fails last is copying the weights into the layers.
                await self._forget()
                reason = " ".join(str(error).split())[:SHOWN_CHARACTERS]
                raise InvalidRequestError(f"vLLM cannot load it: {reason}", code="invalid_adapter") from error
            self._loaded = True

    async def _forget(self) -> None:
        if not self._tried:
            return
        self._tried = self._loaded = False
        try:
            await self._llm.remove_lora(self.request.lora_int_id)
        except EngineDeadError as error:
            logger.warning("the engine died with its adapters", exc_info=error)


class VllmAdapters:
    """All adapters by name. `capacity` bounds how many there are, those being unloaded included."""

    def __init__(self, llm: AsyncLLM, folders: Mapping[str, Path], *, capacity: int) -> None:
        self._llm = llm
        self._capacity = capacity
        self._ids = itertools.count(1)
        self._names_used: set[str] = set()
        self._leaving = 0
        self._served: dict[str, VllmAdapter] = {}
        self._removals: set[asyncio.Task[None]] = set()
        for name, folder in folders.items():
            self._register(name, folder)

    @property
    def names(self) -> tuple[str, ...]:
        """Those that requests may name."""
        return tuple(self._served)

    def hold(self, name: str) -> VllmAdapter:
        """An adapter that stays until it is released. Raises `ModelNotFoundError`."""
        adapter = self._named(name)
        adapter.holders += 1
        return adapter

    async def release(self, adapter: VllmAdapter) -> None:
        """Give back what `hold` gave, once."""
        adapter.holders -= 1
        if adapter.leaving and adapter.holders == 0:
            await asyncio.shield(self._start_removal(adapter))

    async def load(self, name: str, folder: Path) -> None:
        """Register an adapter under a free name and load it. Raises `InvalidRequestError`; nothing stays then.

        Nor does anything stay of a load that is cancelled.
        """
        if len(self._served) + self._leaving >= self._capacity:
            raise InvalidRequestError(
                f"There is room for {self._capacity} adapters, and all of it is taken. Unload one, or raise "
                "engine.max_cpu_loras.",
                code="too_many_adapters",
            )
        adapter = self._register(name, folder)
        try:
            await adapter.load()
        except asyncio.CancelledError:
            self._retire(name)
            raise
        except BaseException:
            self._served.pop(name, None)
            raise

    async def unload(self, name: str) -> None:
        """Take an adapter out of service; generations that use it finish. Raises `ModelNotFoundError`."""
        if (removal := self._retire(name)) is not None:
            await asyncio.shield(removal)

    def _retire(self, name: str) -> asyncio.Task[None] | None:
        """Nobody else may have it. The removal has begun already if nobody has it now."""
        adapter = self._named(name)
        del self._served[name]
        adapter.leaving = True
        self._leaving += 1
        return self._start_removal(adapter) if adapter.holders == 0 else None

    def _start_removal(self, adapter: VllmAdapter) -> asyncio.Task[None]:
        """A task of its own: whoever asked for it may be gone before it is done."""
        removal = asyncio.create_task(self._remove(adapter))
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)
        return removal

    async def _remove(self, adapter: VllmAdapter) -> None:
        try:
            await adapter.remove()
        finally:
            self._leaving -= 1

    def _register(self, name: str, folder: Path) -> VllmAdapter:
        number = next(self._ids)
        # vLLM's prefix cache knows an adapter by name and path. Loaded again it may be another one, and must not be
        # given the old one's KV blocks.
        unique = f"{name}#{number}" if name in self._names_used else name
        self._names_used.add(name)
        adapter = self._served[name] = VllmAdapter(self._llm, LoRARequest(unique, number, str(folder)))
        return adapter

    def _named(self, name: str) -> VllmAdapter:
        if (adapter := self._served.get(name)) is None:
            raise ModelNotFoundError(f"The adapter '{name}' is not loaded here.", param="model")
        return adapter
