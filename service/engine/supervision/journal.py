"""`Journal`: what a generation has told its client, so that another engine can go on from there.

Token ids are kept as they are; of texts only how long they were and their checksum, which is enough to find the same
place again in the same text. Deltas are gathered and read in batches: nothing is worked out per token.
"""

import zlib
from collections.abc import Sequence
from typing import Final

from service.engine.deltas import Delta
from service.engine.requests import Emitted

BATCH: Final = 256
"""Deltas that are gathered before they are read."""


class Told:
    """How much of a text has been told."""

    __slots__ = ("characters", "checksum")

    def __init__(self) -> None:
        self.characters = 0
        self.checksum = 0

    def add(self, text: str) -> None:
        """Go on with this piece."""
        self.characters += len(text)
        self.checksum = zlib.crc32(text.encode("utf-8", "surrogatepass"), self.checksum)


class ToldCall:
    """How much of a tool call has been told."""

    __slots__ = ("arguments", "named")

    def __init__(self) -> None:
        self.named = False
        self.arguments = Told()


class ToldChoice:
    """What one choice has told."""

    __slots__ = ("calls", "finish_reason", "reasoning", "text", "token_ids")

    def __init__(self) -> None:
        self.token_ids: list[int] = []
        self.text = Told()
        self.reasoning = Told()
        self.calls: dict[int, ToldCall] = {}
        self.finish_reason: str | None = None

    def add(self, delta: Delta) -> None:
        """Go on with this delta."""
        self.token_ids += delta.token_ids
        self.finish_reason = delta.finish_reason
        if delta.text:
            self.text.add(delta.text)
        if delta.reasoning:
            self.reasoning.add(delta.reasoning)
        for part in delta.tool_calls or ():
            call = self.calls.setdefault(part.index, ToldCall())
            call.named = call.named or part.name is not None
            call.arguments.add(part.arguments)


class Journal:
    """What all choices of a generation have told."""

    __slots__ = ("_choices", "_first_told", "_gathered")

    def __init__(self, choices: int) -> None:
        self._choices = [ToldChoice() for _ in range(choices)]
        self._gathered: list[Delta] = []
        self._first_told = False

    def record(self, deltas: Sequence[Delta]) -> None:
        """These are about to be told."""
        self._gathered += deltas
        if len(self._gathered) >= BATCH:
            self._read()

    @property
    def choices(self) -> list[ToldChoice]:
        """Each choice, as far as it has been told."""
        self._read()
        return self._choices

    @property
    def first_told(self) -> bool:
        """The figures that come with a request's first delta have been told."""
        self._read()
        return self._first_told

    @property
    def tokens(self) -> int:
        """Tokens told, over all choices."""
        return sum(len(choice.token_ids) for choice in self.choices)

    @property
    def silent(self) -> bool:
        """Nothing has been told yet."""
        return not (self._gathered or self._first_told or self.tokens)

    def emitted(self) -> list[Emitted]:
        """The same in the form of a request that goes on."""
        return [Emitted(token_ids=choice.token_ids, finish_reason=choice.finish_reason) for choice in self.choices]

    def _read(self) -> None:
        for delta in self._gathered:
            self._choices[delta.index].add(delta)
            self._first_told = self._first_told or delta.first is not None
        self._gathered.clear()
