"""`Generation`: one admitted request from submission to its end, and the single owner of all that must end with it.

The response that serves it calls `aclose` in its `finally`, whatever happened; only the first call counts. Knows
nothing of HTTP and nothing of vLLM.
"""

import time
from collections.abc import Sequence

from service.engine.base import DeltaStream
from service.engine.deltas import Delta, FirstDelta
from service.engine.prompts import Prompt
from service.engine.requests import Sampling
from service.errors import InvalidRequestError, TidegateError, UnavailableError
from service.gateway.call import Call
from service.lifecycle import Lifecycle
from service.telemetry import Outcome, Recorder
from service.tracing import RequestSpan


class Generation:
    """The running answer to one call: batches of deltas, with choice indices over all of its prompts."""

    def __init__(
        self,
        call: Call,
        prompts: list[Prompt],
        sampling: Sampling,
        stream: DeltaStream,
        *,
        recorder: Recorder,
        lifecycle: Lifecycle,
        span: RequestSpan | None,
    ) -> None:
        self.call = call
        self.prompts = prompts
        self.sampling = sampling
        self.prompt_tokens = sum(len(prompt.token_ids) for prompt in prompts)
        self.completion_tokens = 0
        self.cached_tokens = 0
        self.reasoning_tokens = 0
        self._queued_seconds: float | None = None
        self._stream = stream
        self._recorder = recorder
        self._lifecycle = lifecycle
        self._span = span
        self._last_token = 0.0
        self._finish_reasons: list[str] = []
        self._error: TidegateError | None = None
        self._complete = False
        self._closed = False
        recorder.started()
        lifecycle.enter()

    @property
    def choices(self) -> int:
        """Number of choices over all prompts."""
        return self.sampling.n * len(self.prompts)

    async def next(self) -> Sequence[Delta] | None:
        """All deltas that are ready, or `RESUMING`; None at the end. Raises what ended the stream early."""
        try:
            deltas = await anext(self._stream)
        except StopAsyncIteration:
            self._complete = len(self._finish_reasons) == self.choices
            return None
        except TidegateError as error:
            self._error = error
            raise
        if deltas:
            self._observe(deltas)
        return deltas

    def _observe(self, deltas: Sequence[Delta]) -> None:
        tokens = 0
        for delta in deltas:
            tokens += len(delta.token_ids)
            if delta.finish_reason is not None:
                self._finish_reasons.append(delta.finish_reason)
                self.reasoning_tokens += delta.reasoning_tokens
            if delta.first is not None:
                self._take_first(delta.first)
        self.completion_tokens += tokens
        if self.call.stream:
            self._observe_pace(tokens)

    def _observe_pace(self, tokens: int) -> None:
        now = time.monotonic()
        if not self._last_token:
            self._recorder.first_token(now - self.call.received)
            tokens -= 1
            if tokens > 0:
                self._recorder.gaps(0.0, tokens)
        elif tokens:
            self._recorder.gaps(now - self._last_token, tokens)
        self._last_token = now

    def _take_first(self, first: FirstDelta) -> None:
        self.cached_tokens += first.cached_tokens
        if first.queued_seconds is not None:
            self._queued_seconds = max(self._queued_seconds or 0.0, first.queued_seconds)

    @property
    def outcome(self) -> Outcome:
        """How it ended, in the words of the metrics."""
        return outcome_of(self._error) if self._error else "ok" if self._complete else "cancelled"

    async def abort(self) -> None:
        """Nobody is listening any more: end the stream, so that whoever reads it comes to `aclose`."""
        await self._stream.aclose()

    async def aclose(self) -> None:
        """Release everything, exactly once: the engine's request, the place in flight, the books."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._stream.aclose()
        finally:
            self._lifecycle.leave()
            self._settle()

    def _settle(self) -> None:
        self._recorder.finished(
            self.outcome,
            time.monotonic() - self.call.received,
            self.prompt_tokens,
            self.completion_tokens,
            self.cached_tokens,
            self._queued_seconds,
        )
        if self._span is not None:
            self._span.end(
                input_tokens=self.prompt_tokens,
                output_tokens=self.completion_tokens,
                finish_reasons=self._finish_reasons,
                error_type=None if self._error is None else type(self._error).__name__,
            )


def outcome_of(error: TidegateError) -> Outcome:
    """The outcome that an error stands for."""
    if isinstance(error, InvalidRequestError):
        return "client_error"
    return "unavailable" if isinstance(error, UnavailableError) else "server_error"
