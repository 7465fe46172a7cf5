"""How long the last start of the same engine took: what Retry-After says while the engine loads.

One small JSON file in the user's cache folder, keyed by what decides the time. It is a hint: a file that is missing,
unreadable or damaged means "not known".
"""

import hashlib
import os
from pathlib import Path

import msgspec

from service.settings import EngineSettings

_Times = dict[str, float]


class StartHistory:
    """Start-up times in seconds by engine settings."""

    def __init__(self, folder: Path, engine: EngineSettings) -> None:
        self._file = folder / "start-times.json"
        self._key = hashlib.sha256(engine.model_dump_json().encode()).hexdigest()[:16]

    def expected_seconds(self) -> float | None:
        """Seconds that the last start with these settings took, None if unknown."""
        return self._read().get(self._key)

    def record(self, seconds: float) -> None:
        """Remember a start; replaces the file in one step, so that readers never see half of it."""
        times = {**self._read(), self._key: round(seconds, 3)}
        temporary = self._file.with_suffix(f".{os.getpid()}")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(msgspec.json.encode(times))
        temporary.replace(self._file)

    def _read(self) -> _Times:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Times)
        except (OSError, msgspec.DecodeError):
            return {}
