"""One request, and all that comes back."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.kinds import Kind


@dataclass(slots=True)
class Answer:
    """What a client was told. `choices` hold text, tool calls and finish reason; `tokens` where logprobs told them."""

    choices: dict[int, dict[str, Any]] = field(default_factory=dict)
    usage: dict[str, Any] | None = None
    events: int = 0
    pauses: int = 0
    """Comments that said that the stream waits for its engine."""
    done: bool = False
    error: str | None = None

    @property
    def complete(self) -> bool:
        """It came to its proper end."""
        return self.done and self.error is None

    def same_as(self, other: "Answer") -> bool:
        """Equal in all that a client can compare. What the prefix cache supplied may differ."""
        return self.choices == other.choices and self._counts() == other._counts()

    def _counts(self) -> tuple[int, int] | None:
        return self.usage and (self.usage["prompt_tokens"], self.usage["completion_tokens"])

    def take(self, chunk: dict[str, Any]) -> None:
        """Read one event."""
        self.events += 1
        self.usage = chunk.get("usage") or self.usage
        for told in chunk["choices"]:
            choice = self.choices.setdefault(told["index"], {"text": "", "calls": {}, "tokens": [], "finish": None})
            part = told.get("delta") or told.get("message") or {}
            choice["text"] += told.get("text") or part.get("content") or ""
            choice["tokens"] += (told.get("logprobs") or {}).get("tokens") or []
            choice["finish"] = told.get("finish_reason") or choice["finish"]
            for call in part.get("tool_calls") or ():
                known = choice["calls"].setdefault(call.get("index", 0), {"name": "", "arguments": ""})
                known["name"] += call["function"].get("name") or ""
                known["arguments"] += call["function"].get("arguments") or ""


async def ask(client: httpx.AsyncClient, kind: Kind, answer: Answer) -> Answer:
    """Send the request and fill `answer` while it comes, so that others can see how far it is.

    Comes again when told to, as the official client does: a busy machine may be late in judging a form.
    """
    while (wait := await _attempt(client, kind, answer)) is not None:
        await asyncio.sleep(wait)
    return answer


async def _attempt(client: httpx.AsyncClient, kind: Kind, answer: Answer) -> float | None:
    """One attempt; the seconds after which to come again, or None."""
    streamed = kind.body.get("stream", True)
    body = {**kind.body, **({"stream": True, "stream_options": {"include_usage": True}} if streamed else {})}
    try:
        async with client.stream("POST", kind.path, json=body) as response:
            if response.status_code == 503:
                return float(response.headers["retry-after"])
            if response.status_code != 200:
                answer.error = f"{response.status_code} {(await response.aread()).decode()[:300]}"
            elif streamed:
                await _read_events(response, answer)
            else:
                answer.take(json.loads(await response.aread()))
                answer.done = True
    except httpx.HTTPError as error:
        answer.error = f"{type(error).__name__}: {error}"
    return None


async def _read_events(response: httpx.Response, answer: Answer) -> None:
    async for line in response.aiter_lines():
        if line == ": resuming":
            answer.pauses += 1
        elif line == "data: [DONE]":
            answer.done = True
        elif line.startswith("data: "):
            event = json.loads(line[6:])
            if "error" in event:
                answer.error = json.dumps(event["error"])[:300]
            else:
                answer.take(event)
