"""`Obfuscated`: events of a stream padded, so that whoever sees only their sizes learns less of the text.

An encrypted stream of one event per token tells the length of every token, and from those much of the text can be
guessed. OpenAI's remedy is a member `obfuscation` of random characters. Random, because padding that can be compressed
would vanish where something on the way compresses.
"""

import secrets
from collections.abc import Sequence
from typing import Final, Protocol

from service.api.reply import Chunks
from service.api.usage import Usage
from service.engine.deltas import Delta

STEP: Final = 32
"""Bytes. Texts of 1 to 32 bytes make events of one size, those of 33 to 64 of the next."""

END: Final = b"}\n\n"


class SizedChunks(Chunks, Protocol):
    """Encodes deltas as SSE events, and knows how large the smallest with a text are."""

    @property
    def bare_size(self) -> int:
        """Bytes of an event whose text is empty."""


class Obfuscated:
    """The same events, each with its padding. Costs nothing where it is not used."""

    __slots__ = ("_bare_size", "_chunks")

    def __init__(self, chunks: SizedChunks) -> None:
        self._chunks = chunks
        self._bare_size = chunks.bare_size

    def events(self, deltas: Sequence[Delta]) -> bytes:
        """Events for a batch; may be empty."""
        # JSON has no raw line ends, so these are the ends of events.
        return b"".join(map(self._padded, self._chunks.events(deltas).split(END)[:-1]))

    def end(self, usage: Usage | None) -> bytes:
        """What follows the last choice's end; it has no text."""
        return self._chunks.end(usage)

    def _padded(self, event: bytes) -> bytes:
        size = (self._bare_size - len(END) - len(event)) % STEP
        return b'%b,"obfuscation":"%b"%b' % (event, secrets.token_hex(STEP // 2)[:size].encode(), END)
