"""Tool calls in OpenAI's shapes: the pieces of a stream, and whole ones. Does not know how calls were found.

`legacy` is the form that requests with `functions` get: one `function_call` and no ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from service.engine.deltas import ToolCallPart


def streamed(parts: Sequence[ToolCallPart], *, legacy: bool) -> dict[str, Any]:
    """The members of a chunk's `delta` for pieces of calls; empty for pieces that the legacy form has no place for."""
    if legacy:
        pieces = [_function(part) for part in parts if part.index == 0]
        return {"function_call": pieces[0]} if pieces else {}
    return {"tool_calls": [_piece(part) for part in parts]}


def _piece(part: ToolCallPart) -> dict[str, Any]:
    begins = {} if part.id is None else {"id": part.id, "type": "function"}
    return {"index": part.index, **begins, "function": _function(part)}


def _function(part: ToolCallPart) -> dict[str, str]:
    return {**({} if part.name is None else {"name": part.name}), "arguments": part.arguments}


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def function(self) -> dict[str, str]:
        return {"name": self.name, "arguments": "".join(self.arguments)}


class CallFold:
    """The calls of one choice, put together from their pieces."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, parts: Sequence[ToolCallPart]) -> None:
        """Take further pieces."""
        for part in parts:
            call = self._calls.setdefault(part.index, _Call())
            call.id = part.id or call.id
            call.name = part.name or call.name
            call.arguments.append(part.arguments)

    def members(self, *, legacy: bool) -> dict[str, Any]:
        """The members of a message for these calls; none without calls."""
        if not self._calls:
            return {}
        calls = [self._calls[index] for index in sorted(self._calls)]
        if legacy:
            return {"function_call": calls[0].function()}
        return {"tool_calls": [{"id": call.id, "type": "function", "function": call.function()} for call in calls]}


def finish_reason(reason: str, *, called: bool, legacy: bool) -> str:
    """OpenAI's reason for an answer that ended by itself in a call."""
    if reason != "stop" or not called:
        return reason
    return "function_call" if legacy else "tool_calls"
