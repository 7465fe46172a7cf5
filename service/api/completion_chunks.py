"""Deltas of a text completion as bytes: SSE events while they come, or one JSON document at the end.

Built as `chat_chunks.py` is: the constant parts of an event are encoded once. The object has the legacy shape of
OpenAI's completions; log probabilities are four parallel lists with offsets into the choice's text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from service.api.chat_chunks import DONE
from service.api.usage import Usage
from service.engine.deltas import Delta, PositionLogprobs
from service.engine.prompts import Prompt

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Echo:
    """The prompt that a completion repeats before its own text, with its log probabilities if they were asked for."""

    text: str

    @classmethod
    def of(cls, prompts: Sequence[Prompt], n: int) -> list["Echo"]:
        """One per choice."""
        return [cls(prompt.text or "") for prompt in prompts for _ in range(n)]


@dataclass(slots=True)
class CompletionLogprobs:
    """OpenAI's legacy log probabilities, filled position by position."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]

    @classmethod
    def empty(cls) -> "CompletionLogprobs":
        """No position yet."""
        return cls([], [], [], [])

    def add(self, position: PositionLogprobs, offset: int) -> int:
        """Append a position that begins at `offset`; returns the offset after it."""
        chosen = position.chosen
        self.tokens.append(chosen.token)
        self.token_logprobs.append(chosen.logprob)
        # The API has always returned the sampled token as well, even when it is none of the top ones.
        self.top_logprobs.append({**{each.token: each.logprob for each in position.top}, chosen.token: chosen.logprob})
        self.text_offset.append(offset)
        return offset + len(chosen.token)

    def add_first(self, token: str, offset: int) -> int:
        """Append a prompt's first token, which nothing precedes and which therefore has no probability."""
        self.tokens.append(token)
        self.token_logprobs.append(None)
        self.top_logprobs.append({})
        self.text_offset.append(offset)
        return offset + len(token)


class LogprobRun:
    """Log probabilities of one choice as they come, with the running text offset."""

    __slots__ = ("_echo", "_offset")

    def __init__(self, echo: Echo | None) -> None:
        self._echo = echo
        self._offset = 0

    def take(self, delta: Delta) -> CompletionLogprobs:
        """The lists for one delta; the first one begins with the echoed prompt's."""
        lists = CompletionLogprobs.empty()
        if self._echo is not None and delta.first is not None and delta.first.prompt_logprobs is not None:
            self._take_prompt(lists, delta.first.prompt_logprobs)
        for position in delta.logprobs or ():
            self._offset = lists.add(position, self._offset)
        return lists

    def _take_prompt(self, lists: CompletionLogprobs, positions: list[PositionLogprobs | None]) -> None:
        assert self._echo is not None
        known = sum(len(position.chosen.token) for position in positions if position is not None)
        for position in positions:
            if position is None:
                first = self._echo.text[: max(len(self._echo.text) - known, 0)]
                self._offset = lists.add_first(first, self._offset)
            else:
                self._offset = lists.add(position, self._offset)


class CompletionChunks:
    """SSE events of one response, in OpenAI's `text_completion` shape."""

    def __init__(
        self,
        id: str,
        created: int,
        model: str,
        *,
        include_usage: bool,
        with_logprobs: bool,
        echoes: list[Echo],
    ) -> None:
        head = {"id": id, "object": "text_completion", "created": created, "model": model}
        self._envelope = b"data: " + _encode(head)[:-1]
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._runs: dict[int, LogprobRun] = {}
        self._with_logprobs = with_logprobs
        self._echoes = echoes
        self._begun: set[int] = set()
        self._halves: dict[int, tuple[bytes, bytes]] = {}

    @property
    def bare_size(self) -> int:
        """Bytes of an event whose text is empty."""
        return sum(map(len, self._make_halves(0))) + len(b'""')

    def events(self, deltas: Sequence[Delta]) -> bytes:
        """The events for a batch of deltas, ready to be written in one go; may be empty."""
        parts: list[bytes] = []
        for delta in deltas:
            text, index = delta.text, delta.index
            if self._echoes and index not in self._begun:
                self._begun.add(index)
                text = self._echoes[index].text + text
            if not (text or delta.finish_reason or self._with_logprobs):
                continue
            if delta.finish_reason is None and not self._with_logprobs:
                left, right = self._halves.get(index) or self._make_halves(index)
                parts += (left, _encode(text), right)
            else:
                logprobs = _encode(self._run(index).take(delta)) if self._with_logprobs else b"null"
                parts.append(self._choice(index, _encode(text), logprobs, _encode(delta.finish_reason)))
        return b"".join(parts)

    def end(self, usage: Usage | None) -> bytes:
        """What follows the last choice's end: the usage chunk, if asked for, and `[DONE]`."""
        if usage is None:
            return DONE
        return self._envelope + b',"choices":[],"usage":' + _encode(usage) + b"}\n\n" + DONE

    def _run(self, index: int) -> LogprobRun:
        if index not in self._runs:
            self._runs[index] = LogprobRun(self._echoes[index] if self._echoes else None)
        return self._runs[index]

    def _choice(self, index: int, text: bytes, logprobs: bytes, finish_reason: bytes) -> bytes:
        return b'%b,"choices":[{"text":%b,"index":%d,"logprobs":%b,"finish_reason":%b}]%b' % (
            self._envelope,
            text,
            index,
            logprobs,
            finish_reason,
            self._tail,
        )

    def _make_halves(self, index: int) -> tuple[bytes, bytes]:
        left, right = self._choice(index, b"\0", b"null", b"null").split(b"\0")
        self._halves[index] = (left, right)
        return left, right


class CompletionFold:
    """The same deltas folded into one `text_completion` document, the best `n` of each prompt's choices.

    `generated` choices per prompt were made (best_of), `n` are returned: those of the highest mean log probability
    per token, as OpenAI defines best_of.
    """

    def __init__(
        self, id: str, created: int, model: str, *, n: int, generated: int, with_logprobs: bool, echoes: list[Echo]
    ) -> None:
        self._head = {"id": id, "object": "text_completion", "created": created, "model": model}
        self._n = n
        self._generated = generated
        self._with_logprobs = with_logprobs
        self._echoes = echoes
        self._choices: dict[int, list[Delta]] = {}

    def add(self, deltas: Iterable[Delta]) -> None:
        """Take a batch of deltas."""
        for delta in deltas:
            self._choices.setdefault(delta.index, []).append(delta)

    def body(self, usage: Usage) -> bytes:
        """The JSON document."""
        chosen = self._best() if self._generated > self._n else sorted(self._choices)
        choices = [self._choice(at, index) for at, index in enumerate(chosen)]
        return _encode({**self._head, "choices": choices, "usage": usage})

    def _best(self) -> list[int]:
        """The `n` best choices of each prompt, best first."""
        groups: dict[int, list[int]] = {}
        for index in sorted(self._choices):
            groups.setdefault(index // self._generated, []).append(index)
        return [index for group in groups.values() for index in sorted(group, key=self._mean_loss)[: self._n]]

    def _mean_loss(self, index: int) -> float:
        scored = [at.chosen.logprob for delta in self._choices[index] for at in delta.logprobs or ()]
        return -sum(scored) / len(scored) if scored else 0.0

    def _choice(self, at: int, index: int) -> dict[str, object]:
        deltas = self._choices[index]
        echo = self._echoes[index] if self._echoes else None
        return {
            "text": (echo.text if echo else "") + "".join(delta.text for delta in deltas),
            "index": at,
            "logprobs": self._logprobs(deltas, echo) if self._with_logprobs else None,
            "finish_reason": deltas[-1].finish_reason,
        }

    @staticmethod
    def _logprobs(deltas: list[Delta], echo: Echo | None) -> CompletionLogprobs:
        run, merged = LogprobRun(echo), CompletionLogprobs.empty()
        for delta in deltas:
            lists = run.take(delta)
            merged.tokens += lists.tokens
            merged.token_logprobs += lists.token_logprobs
            merged.top_logprobs += lists.top_logprobs
            merged.text_offset += lists.text_offset
        return merged
