"""`VerdictMemory`: what is known of forms by digest, so that each costs its compilation once. Knows no grammars."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from service.engine.requests import StructuredOutput
from service.engine.vllm_grammar_verdict import Verdict

KEPT_VERDICTS: Final = 2048

PASSING_SECONDS: Final = 60.0
"""How long a verdict holds that a less busy machine might not have given: long enough not to be asked for at will."""


def digest(wanted: StructuredOutput) -> bytes:
    """Equal for equal forms only, whichever field of a request they came from."""
    return hashlib.sha256(msgspec.msgpack.encode(msgspec.structs.replace(wanted, param=""))).digest()


class VerdictMemory:
    """The most recently used verdicts. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[Verdict, float]] = OrderedDict()

    def get(self, key: bytes) -> Verdict | None:
        """What is known of it and still holds."""
        if (known := self._known.get(key)) is None:
            return None
        verdict, until = known
        if self._clock() > until:
            del self._known[key]
            return None
        self._known.move_to_end(key)
        return verdict

    def keep(self, key: bytes, verdict: Verdict) -> None:
        """Remember it; `busy` says nothing about the form and is not remembered."""
        if verdict.outcome == "busy":
            return
        self._known[key] = verdict, float("inf") if verdict.lasting else self._clock() + PASSING_SECONDS
        self._known.move_to_end(key)
        if len(self._known) > KEPT_VERDICTS:
            self._known.popitem(last=False)
