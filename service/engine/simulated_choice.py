"""`SimulatedChoice`: one choice of a request to the simulated engine, from waiting to its finish reason."""

import math
from collections.abc import Callable

from service.engine.deltas import Delta, FirstDelta
from service.engine.requests import GenerationRequest
from service.engine.simulated_fault import Fault
from service.engine.simulated_script import SimulatedScript, scripted_position
from service.engine.stop_strings import StopStrings
from service.engine.stream import BufferedStream
from service.engine.whole import whole


class SimulatedChoice:
    """Writes one token a step. `befall` is called in place of the token that has a `fault`."""

    __slots__ = (
        "_befall",
        "_due",
        "_fault",
        "_index",
        "_kept",
        "_plain",
        "_position",
        "_queued",
        "_request",
        "_script",
        "_scripted",
        "_stops",
        "_told",
        "stream",
    )

    def __init__(
        self,
        index: int,
        request: GenerationRequest,
        stream: BufferedStream,
        script: SimulatedScript,
        now: float,
        fault: Fault | None,
        befall: Callable[[Fault], None],
    ) -> None:
        sampling = request.sampling
        self.stream = stream
        self._befall = befall
        self._fault = fault
        self._index = index
        self._request = request
        self._script = script
        self._scripted = script.answer(request)
        self._kept: list[Delta] | None = [] if request.whole else None
        self._position = 0
        self._told = len(request.emitted[index].token_ids) if request.emitted else 0
        self._queued = now
        self._due = math.inf
        self._stops = StopStrings(sampling.stop, sampling.include_stop_str_in_output) if sampling.stop else None
        self._plain = index == 0 and self._stops is None and sampling.logprobs is None and not sampling.stop_token_ids

    def admit(self, now: float, ttft_seconds: float) -> None:
        """Begin running; the first token is due when the time to first token has passed."""
        self._due = now + ttft_seconds
        self._queued = now - self._queued

    def advance(self, now: float) -> bool:
        """Write one token if it is due, or all that were told before. True when that was the last one."""
        if now < self._due or self.stream.finished:
            return self.stream.finished
        ended = self._write()
        while not ended and self._position < self._told:
            ended = self._write()
        return ended

    def _write(self) -> bool:
        position = self._position
        if self._fault is not None and self._fault.token == position:
            self._befall(self._fault)
            return False
        self._position = position + 1
        limit = self._request.sampling.max_tokens
        ends_itself = not self._request.sampling.ignore_eos and position + 1 >= max(
            len(self._scripted), self._request.sampling.min_tokens
        )
        if self._plain and position > 0 and position + 1 < limit and not ends_itself:
            self._tell(self._scripted[position % len(self._scripted)])
            return False
        delta = self._full_delta(position, ends_itself=ends_itself, at_limit=position + 1 >= limit)
        self._tell(delta)
        return delta.finish_reason is not None

    def _tell(self, delta: Delta) -> None:
        if self._kept is None:
            self.stream.push(delta)
            return
        self._kept.append(delta)
        if delta.finish_reason is not None:
            self.stream.push(whole(self._kept))

    def _full_delta(self, position: int, *, ends_itself: bool, at_limit: bool) -> Delta:
        plain = self._scripted[position % len(self._scripted)]
        sampling = self._request.sampling
        token_id = plain.token_ids[0]
        marker = f"[{self._request.adapter}] " if self._request.adapter and position == 0 else ""
        text, reason = marker + plain.text, None
        stop_reason: int | str | None = None
        if self._stops is not None:
            text, stop_reason = self._stops.feed(text)
        if stop_reason is None and token_id in sampling.stop_token_ids:
            stop_reason = token_id
        if stop_reason is not None or ends_itself:
            reason = "stop"
        elif at_limit:
            reason = "length"
        if reason is not None and self._stops is not None:
            text += self._stops.flush()
        wants = sampling.logprobs
        return Delta(
            self._index,
            text,
            [token_id],
            reason,
            stop_reason,
            None
            if wants is None or position < self._told
            else [scripted_position(marker + plain.text, token_id, wants)],
            self._first() if position == 0 else None,
            plain.reasoning,
            plain.tool_calls,
            0 if reason is None else sum(each.reasoning is not None for each in self._scripted[: position + 1]),
        )

    def _first(self) -> FirstDelta:
        wanted = self._request.sampling.prompt_logprobs is not None
        scored = self._script.prompt_logprobs(self._request.prompt) if wanted else None
        return FirstDelta(0, self._queued, scored)
