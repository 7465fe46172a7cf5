"""Deltas of a chat completion as bytes: SSE events while they come, or one JSON document at the end.

Whatever of an event is the same for all tokens is encoded once, when the response begins; per token only its text is
escaped between two ready-made halves. Does not know where deltas come from nor where bytes go.
"""

from collections.abc import Iterable, Sequence

import msgspec

from service.api.usage import Usage
from service.engine.base import Delta, PositionLogprobs, TokenLogprob

_encode = msgspec.json.Encoder().encode

DONE = b"data: [DONE]\n\n"


class ChatChunks:
    """SSE events of one response, in OpenAI's `chat.completion.chunk` shape."""

    __slots__ = ("_begun", "_envelope", "_halves", "_tail", "_with_logprobs")

    def __init__(self, id: str, created: int, model: str, *, include_usage: bool, with_logprobs: bool) -> None:
        head = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._envelope = b"data: " + _encode(head)[:-1]
        # With include_usage every chunk but the last has a null usage, says OpenAI's reference.
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._with_logprobs = with_logprobs
        self._halves: dict[int, tuple[bytes, bytes]] = {}
        self._begun: set[int] = set()

    def events(self, deltas: Sequence[Delta]) -> bytes:
        """The events for a batch of deltas, ready to be written in one go; may be empty."""
        parts: list[bytes] = []
        for delta in deltas:
            index = delta.index
            if index not in self._begun:
                self._begun.add(index)
                parts.append(self._choice(index, b'{"role":"assistant","content":""}', b"null", b"null"))
            if self._with_logprobs:
                if delta.text or delta.logprobs:
                    content = b'{"content":' + _encode(delta.text) + b"}"
                    parts.append(self._choice(index, content, _encode(chat_logprobs(delta.logprobs or ())), b"null"))
            elif delta.text:
                left, right = self._halves.get(index) or self._make_halves(index)
                parts += (left, _encode(delta.text), right)
            if delta.finish_reason is not None:
                parts.append(self._choice(index, b"{}", b"null", _encode(delta.finish_reason)))
        return b"".join(parts)

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


class ChatFold:
    """The same deltas folded into one `chat.completion` document."""

    def __init__(self, id: str, created: int, model: str, *, choices: int, with_logprobs: bool) -> None:
        self._head = {"id": id, "object": "chat.completion", "created": created, "model": model}
        self._texts: list[list[str]] = [[] for _ in range(choices)]
        self._logprobs: list[list[PositionLogprobs]] = [[] for _ in range(choices)]
        self._reasons: list[str | None] = [None] * choices
        self._with_logprobs = with_logprobs

    def add(self, deltas: Iterable[Delta]) -> None:
        """Take a batch of deltas."""
        for delta in deltas:
            self._texts[delta.index].append(delta.text)
            if delta.logprobs:
                self._logprobs[delta.index] += delta.logprobs
            if delta.finish_reason is not None:
                self._reasons[delta.index] = delta.finish_reason

    def body(self, usage: Usage) -> bytes:
        """The JSON document."""
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": "".join(texts), "refusal": None},
                "logprobs": chat_logprobs(self._logprobs[index]) if self._with_logprobs else None,
                "finish_reason": self._reasons[index],
            }
            for index, texts in enumerate(self._texts)
        ]
        return _encode({**self._head, "choices": choices, "usage": usage})


def chat_logprobs(positions: Iterable[PositionLogprobs]) -> dict[str, object]:
    """OpenAI's `logprobs` member of a chat choice."""
    content = [{**_scored(at.chosen), "top_logprobs": [_scored(each) for each in at.top]} for at in positions]
    return {"content": content, "refusal": None}


def _scored(token: TokenLogprob) -> dict[str, object]:
    return {"token": token.token, "logprob": token.logprob, "bytes": list(token.token.encode())}
