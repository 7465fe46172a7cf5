"""`Replay`: takes what a client has had already out of what the next engine tells again.

Every piece is compared with the journal on the way. Where an engine does not say the same again, the generation ends
with an error: a client never gets a text of which one half does not belong to the other.
"""

from collections.abc import Sequence

from service.engine.deltas import Delta, PositionLogprobs, ToolCallPart
from service.engine.supervision.journal import Journal, Told, ToldCall, ToldChoice
from service.engine.supervision.outcome import told_otherwise


class Replay:
    """The telling again of one generation. Made from its journal, which must not go on meanwhile."""

    def __init__(self, journal: Journal) -> None:
        self._first_told = journal.first_told
        self._choices = [_Choice(told) for told in journal.choices]

    def new(self, deltas: Sequence[Delta]) -> list[Delta]:
        """What of these has not been told; may be empty. Raises `InternalError` if they differ from what was."""
        return [new for delta in deltas if (new := self._choices[delta.index].new(delta, self._first_told)) is not None]

    @property
    def over(self) -> bool:
        """Everything has been told again."""
        return all(choice.over for choice in self._choices)


class _Choice:
    def __init__(self, told: ToldChoice) -> None:
        self._ended = told.finish_reason is not None
        self._token_ids = list(told.token_ids)
        self._text = _Text(told.text)
        self._reasoning = _Text(told.reasoning)
        self._calls = {index: _Call(call) for index, call in told.calls.items()}

    @property
    def over(self) -> bool:
        return self._ended or not (self._token_ids or any(text.left for text in self._texts()))

    def _texts(self) -> list["_Text"]:
        return [self._text, self._reasoning, *(call.arguments for call in self._calls.values())]

    def new(self, delta: Delta, first_told: bool) -> Delta | None:
        if self._ended:
            return None
        token_ids = self._new_tokens(delta.token_ids)
        text = self._text.new(delta.text)
        reasoning = self._reasoning.new(delta.reasoning) if delta.reasoning else None
        calls = [part for call in delta.tool_calls or () if (part := self._new_part(call)) is not None]
        if delta.finish_reason is not None and not self.over:
            raise told_otherwise()
        if not (token_ids or text or reasoning or calls or delta.finish_reason):
            return None
        return Delta(
            delta.index,
            text,
            token_ids,
            delta.finish_reason,
            delta.stop_reason,
            _last(delta.logprobs, len(token_ids)),
            None if first_told else delta.first,
            reasoning or None,
            calls or None,
            delta.reasoning_tokens,
        )

    def _new_tokens(self, token_ids: list[int]) -> list[int]:
        known = min(len(token_ids), len(self._token_ids))
        if token_ids[:known] != self._token_ids[:known]:
            raise told_otherwise()
        del self._token_ids[:known]
        return token_ids[known:]

    def _new_part(self, part: ToolCallPart) -> ToolCallPart | None:
        call = self._calls.get(part.index)
        return part if call is None else call.new(part)


class _Call:
    def __init__(self, told: ToldCall) -> None:
        self._named = told.named
        self.arguments = _Text(told.arguments)

    def new(self, part: ToolCallPart) -> ToolCallPart | None:
        arguments = self.arguments.new(part.arguments)
        # The id is made anew each time; the client keeps the one that it was given.
        if self._named:
            return ToolCallPart(part.index, None, None, arguments) if arguments else None
        return ToolCallPart(part.index, part.id, part.name, arguments)


class _Text:
    def __init__(self, told: Told) -> None:
        self._told = told
        self._again = Told()

    @property
    def left(self) -> int:
        """Characters that have not been told again."""
        return self._told.characters - self._again.characters

    def new(self, piece: str) -> str:
        if not (left := self.left):
            return piece
        self._again.add(piece[:left])
        if not self.left and self._again.checksum != self._told.checksum:
            raise told_otherwise()
        return piece[left:]


def _last(logprobs: list[PositionLogprobs] | None, count: int) -> list[PositionLogprobs] | None:
    """Those of the tokens that are new."""
    return logprobs[-count:] if logprobs and count else None
