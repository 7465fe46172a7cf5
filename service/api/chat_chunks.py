"""Deltas of a chat completion as bytes: SSE events while they come, or one JSON document at the end.

Whatever of an event is the same for all tokens is encoded once, when the response begins; per token only its text is
escaped between two ready-made halves. Does not know where deltas come from nor where bytes go.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from service.api.tool_calls import CallFold, finish_reason, streamed
from service.api.usage import Usage
from service.engine.deltas import Delta, PositionLogprobs, TokenLogprob

_encode = msgspec.json.Encoder().encode

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class ChatForm:
    """What an answer is to contain, by its request."""

    with_logprobs: bool = False
    with_reasoning: bool = True
    legacy_calls: bool = False
    """The request came with `functions`, the predecessor of `tools`."""


class ChatChunks:
    """SSE events of one response, in OpenAI's `chat.completion.chunk` shape."""

    __slots__ = ("_begun", "_called", "_envelope", "_form", "_halves", "_tail", "_with_logprobs")

    def __init__(self, id: str, created: int, model: str, form: ChatForm, *, include_usage: bool) -> None:
        head = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._envelope = b"data: " + _encode(head)[:-1]
        # With include_usage every chunk but the last has a null usage, says OpenAI's reference.
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._form = form
        self._with_logprobs = form.with_logprobs
        self._halves: dict[int, tuple[bytes, bytes]] = {}
        self._begun: set[int] = set()
        self._called: set[int] = set()

    @property
    def bare_size(self) -> int:
        """Bytes of an event whose text is empty."""
        return sum(map(len, self._make_halves(0))) + len(b'""')

    def events(self, deltas: Sequence[Delta]) -> bytes:
        """The events for a batch of deltas, ready to be written in one go; may be empty."""
        parts: list[bytes] = []
        for delta in deltas:
            index = delta.index
            if index not in self._begun:
                self._begun.add(index)
                parts.append(self._choice(index, b'{"role":"assistant","content":""}', b"null", b"null"))
            if delta.reasoning is not None or delta.tool_calls is not None:
                parts += self._parsed(delta)
            if self._with_logprobs:
                if delta.text or delta.logprobs:
                    content = b'{"content":' + _encode(delta.text) + b"}"
                    parts.append(self._choice(index, content, _encode(chat_logprobs(delta.logprobs or ())), b"null"))
            elif delta.text:
                left, right = self._halves.get(index) or self._make_halves(index)
                parts += (left, _encode(delta.text), right)
            if delta.finish_reason is not None:
                reason = finish_reason(
                    delta.finish_reason, called=index in self._called, legacy=self._form.legacy_calls
                )
                parts.append(self._choice(index, b"{}", b"null", _encode(reason)))
        return b"".join(parts)

    def _parsed(self, delta: Delta) -> Iterator[bytes]:
        """Events for what the engine's parsers have found in the text."""
        if delta.reasoning and self._form.with_reasoning:
            content = _encode({"reasoning": delta.reasoning, "reasoning_content": delta.reasoning})
            yield self._choice(delta.index, content, b"null", b"null")
        if delta.tool_calls:
            self._called.add(delta.index)
            if members := streamed(delta.tool_calls, legacy=self._form.legacy_calls):
                yield self._choice(delta.index, _encode(members), b"null", b"null")

    def end(self, usage: Usage | None) -> bytes:
        """What follows the last choice's end: the usage chunk, if asked for, and `[DONE]`."""
        if usage is None:
            return DONE
        return self._envelope + b',"choices":[],"usage":' + _encode(usage) + b"}\n\n" + DONE

    def _choice(self, index: int, delta: bytes, logprobs: bytes, finish_reason: bytes) -> bytes:
        return b'%b,"choices":[{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b}]%b' % (
            self._envelope,
            index,
            delta,
            logprobs,
            finish_reason,
            self._tail,
        )

    def _make_halves(self, index: int) -> tuple[bytes, bytes]:
        left, right = self._choice(index, b'{"content":\0}', b"null", b"null").split(b"\0")
        self._halves[index] = (left, right)
        return left, right


class _ChoiceFold:
    """One choice of a whole answer."""

    __slots__ = ("calls", "finish_reason", "logprobs", "reasoning", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.reasoning: list[str] = []
        self.calls = CallFold()
        self.logprobs: list[PositionLogprobs] = []
        self.finish_reason: str | None = None

    def add(self, delta: Delta) -> None:
        """Take one delta."""
        self.texts.append(delta.text)
        if delta.reasoning is not None:
            self.reasoning.append(delta.reasoning)
        if delta.tool_calls is not None:
            self.calls.add(delta.tool_calls)
        if delta.logprobs:
            self.logprobs += delta.logprobs
        if delta.finish_reason is not None:
            self.finish_reason = delta.finish_reason

    def document(self, index: int, form: ChatForm) -> dict[str, object]:
        """OpenAI's choice."""
        reason, legacy = self.finish_reason, form.legacy_calls
        return {
            "index": index,
            "message": self._message(form),
            "logprobs": chat_logprobs(self.logprobs) if form.with_logprobs else None,
            "finish_reason": reason and finish_reason(reason, called=bool(self.calls), legacy=legacy),
        }

    def _message(self, form: ChatForm) -> dict[str, object]:
        content = "".join(self.texts)
        message: dict[str, object] = {
            "role": "assistant",
            "content": content if content or not self.calls else None,
            "refusal": None,
        }
        if form.with_reasoning and (reasoning := "".join(self.reasoning)):
            # Clients are divided about the name: vLLM's is the first, the second is older.
            message |= {"reasoning": reasoning, "reasoning_content": reasoning}
        return message | self.calls.members(legacy=form.legacy_calls)


class ChatFold:
    """The same deltas folded into one `chat.completion` document."""

    def __init__(self, id: str, created: int, model: str, form: ChatForm, *, choices: int) -> None:
        self._head = {"id": id, "object": "chat.completion", "created": created, "model": model}
        self._choices = [_ChoiceFold() for _ in range(choices)]
        self._form = form

    def add(self, deltas: Iterable[Delta]) -> None:
        """Take a batch of deltas."""
        for delta in deltas:
            self._choices[delta.index].add(delta)

    def body(self, usage: Usage) -> bytes:
        """The JSON document."""
        choices = [choice.document(index, self._form) for index, choice in enumerate(self._choices)]
        return _encode({**self._head, "choices": choices, "usage": usage})


def chat_logprobs(positions: Iterable[PositionLogprobs]) -> dict[str, object]:
    """OpenAI's `logprobs` member of a chat choice."""
    content = [{**_scored(at.chosen), "top_logprobs": [_scored(each) for each in at.top]} for at in positions]
    return {"content": content, "refusal": None}


def _scored(token: TokenLogprob) -> dict[str, object]:
    return {"token": token.token, "logprob": token.logprob, "bytes": list(token.token.encode())}
