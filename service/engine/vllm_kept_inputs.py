"""`KeptInputs`: what rendering made of images, kept until the prompt is submitted. Imports vLLM.

Only to save the work of doing it twice: a prompt that was never submitted is pushed out by others, and one that is
submitted again, or to another engine, is rendered again from what it carries.
"""

import secrets
from typing import Any, Final

from vllm.multimodal.cache.base import MultiModalCache

MAX_BYTES: Final = 256 * 1024**2
"""Of tensors. A picture of a million pixels is 12 MB of them at most."""


class KeptInputs:
    """Bounded; the oldest goes first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._inputs: dict[str, tuple[Any, int]] = {}
        self._bytes = 0

    def keep(self, engine_input: Any) -> str:
        """Keep it for as long as there is room. Returns the name to take it by, which is never used again."""
        name = secrets.token_hex(8)
        size = MultiModalCache.get_item_size(engine_input["mm_kwargs"])
        self._inputs[name] = engine_input, size
        self._bytes += size
        while self._bytes > self._max_bytes:
            self.take(next(iter(self._inputs)))
        return name

    def take(self, name: str | None) -> Any | None:
        """What is kept by that name, once."""
        engine_input, size = self._inputs.pop(name or "", (None, 0))
        self._bytes -= size
        return engine_input
