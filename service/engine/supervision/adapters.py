"""`AdapterChanges`: what was loaded and unloaded at run time, which the next engine does not know of."""

import logging

from service.engine.base import Engine
from service.engine.info import EngineInfo
from service.errors import InvalidRequestError

logger = logging.getLogger("tidegate.engine.supervision")


class AdapterChanges:
    """The difference to the adapters of the settings."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}
        """Of the adapters that were loaded, by name."""
        self._unloaded: set[str] = set()
        """Adapters of the settings."""

    def loaded(self, name: str, folder: str) -> None:
        """An adapter has been loaded."""
        self._folders[name] = folder
        self._unloaded.discard(name)

    def unloaded(self, name: str) -> None:
        """One has been unloaded."""
        if self._folders.pop(name, None) is None:
            self._unloaded.add(name)

    async def repeat(self, engine: Engine, info: EngineInfo) -> None:
        """Do the same in an engine that has just started."""
        for name in self._unloaded & set(info.adapters):
            await engine.unload_adapter(name)
        for name, folder in self._folders.items():
            try:
                await engine.load_adapter(name, folder)
            except InvalidRequestError as error:
                # Its folder has gone or changed. That is no reason to give up this engine, and the next, for all.
                fields = {"adapter": name}
                logger.warning("an adapter could not be loaded again", extra={"fields": fields}, exc_info=error)
