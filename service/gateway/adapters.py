"""`Adapters`: LoRA adapters loaded and unloaded while the service runs. Knows neither HTTP nor vLLM.

Only what lies below the operator's own folder is loaded: whoever reaches the management listener chooses among the
adapters there, and can name no other file of the machine.
"""

import asyncio
import logging
from pathlib import Path

from msgspec.structs import replace

from service.engine.base import Engine
from service.engine.info import EngineInfo
from service.errors import EngineUnavailableError, InvalidRequestError, ModelNotFoundError
from service.lifecycle import Lifecycle
from service.models.adapter import FILES, AdapterError, AdapterFolder
from service.settings.lora import NAME, NAME_RULE
from service.telemetry import Telemetry

logger = logging.getLogger("tidegate.adapters")


class Adapters:
    """Changes what is served. `folder` is engine.lora_folder; without one nothing can be loaded."""

    def __init__(self, engine: Engine, lifecycle: Lifecycle, telemetry: Telemetry, folder: str | None) -> None:
        self._engine = engine
        self._lifecycle = lifecycle
        self._telemetry = telemetry
        self._folder = folder
        self._turn = asyncio.Lock()
        """One change at a time, so that what was checked still holds when it is done."""

    async def load(self, name: str, path: str) -> None:
        """Serve the adapter in `path`, absolute or below the folder, under `name`. Raises `InvalidRequestError`."""
        async with self._turn:
            self._check_free(name, self._ready())
            # Disks may be slow; the event loop is everybody's.
            folder = await asyncio.to_thread(self._read, path)
            self._serve(await self._engine.load_adapter(name, str(folder)))
        logger.info("adapter loaded", extra={"fields": {"adapter": name}})

    async def unload(self, name: str) -> None:
        """Serve the adapter no longer; requests that it answers now finish. Raises `ModelNotFoundError`."""
        async with self._turn:
            if name not in self._ready().adapters:
                raise ModelNotFoundError("lora_name: no adapter of this name is loaded.", param="lora_name")
            self._serve(await self._engine.unload_adapter(name))
        logger.info("adapter unloaded", extra={"fields": {"adapter": name}})

    def _check_free(self, name: str, info: EngineInfo) -> None:
        if not NAME.fullmatch(name):
            raise InvalidRequestError(f"lora_name: this cannot be a name; {NAME_RULE}.", param="lora_name")
        if name in info.served_model_names:
            raise InvalidRequestError(
                f"lora_name: the model itself is served as '{name}'. Choose another name.", param="lora_name"
            )
        if name in info.adapters:
            raise InvalidRequestError(
                f"lora_name: '{name}' is loaded already. Unload it first, or choose another name.",
                param="lora_name",
                code="adapter_already_loaded",
            )

    def _ready(self) -> EngineInfo:
        if refusal := self._lifecycle.refusal():
            raise refusal
        if self._lifecycle.info is None:
            raise EngineUnavailableError("The engine is not ready yet. Try again later.")
        return self._lifecycle.info

    def _serve(self, adapters: tuple[str, ...]) -> None:
        info = replace(self._ready(), adapters=adapters)
        self._lifecycle.info = info
        self._telemetry.serve(info)

    def _read(self, path: str) -> Path:
        """The adapter's folder, with every link followed."""
        if self._folder is None:
            raise InvalidRequestError(
                "No adapter can be loaded at run time, for engine.lora_folder is not set. Set it to the folder that "
                "holds the adapters, and start again.",
                param="lora_path",
                code="lora_folder_not_set",
            )
        try:
            root = Path(self._folder).expanduser().resolve()
            # Joining an absolute path gives that path.
            folder = (root / path).resolve()
            inside = all(each.resolve().is_relative_to(root) for each in (folder, *map(folder.joinpath, FILES)))
        except (OSError, ValueError, RuntimeError) as error:  # too long, with a NUL, links in a circle
            raise InvalidRequestError("lora_path: this is no path of a folder.", param="lora_path") from error
        if not inside or folder == root:
            raise InvalidRequestError(
                "lora_path: it must lead to a folder below engine.lora_folder, links included. Put the adapter there.",
                param="lora_path",
            )
        try:
            return AdapterFolder.read(folder).path
        except AdapterError as error:
            raise InvalidRequestError(
                f"lora_path names {folder.name}, {error}.", param="lora_path", code="invalid_adapter"
            ) from error
