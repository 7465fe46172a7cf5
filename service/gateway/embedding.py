"""`EmbeddingJob`: the inputs of one embeddings request inside the engine, and the owner of all that ends with them.

What `generation.py` is to generated text. Knows nothing of HTTP and nothing of vLLM.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.engine.base import Engine
from service.engine.info import EngineInfo
from service.engine.prompts import Prompt, TextPrompts
from service.engine.requests import EmbeddingRequest
from service.errors import ContextLengthError, InvalidRequestError, TidegateError
from service.gateway.generation import outcome_of
from service.lifecycle import Lifecycle
from service.telemetry import Outcome, Recorder
from service.tracing import RequestSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingCall:
    """One validated request; `received` is a monotonic clock's reading when its head arrived."""

    id: str
    model: str
    prompts: TextPrompts
    dimensions: int | None
    received: float
    trace_headers: Mapping[str, str] = field(default_factory=dict)

    def settled_dimensions(self, info: EngineInfo) -> int | None:
        """The dimensions to ask the engine for; None for its own. Raises `InvalidRequestError` if it has not those."""
        sizes, wanted = info.embeddings, self.dimensions
        if sizes is None or wanted is None or wanted == sizes.full:
            return None
        if not sizes.matryoshka:
            why = f"the vectors of this model have {sizes.full} dimensions and cannot be shortened. Leave it out"
        elif sizes.choices and wanted not in sizes.choices:
            why = f"expected one of {', '.join(map(str, sizes.choices))}, but got {wanted} instead"
        elif wanted > sizes.full:
            why = f"expected a value <= {sizes.full}, but got {wanted} instead"
        else:
            return wanted
        raise InvalidRequestError(f"Invalid 'dimensions': {why}.", param="dimensions", code="unsupported_value")

    def requests(
        self, prompts: list[Prompt], dimensions: int | None, trace_headers: dict[str, str] | None
    ) -> list[EmbeddingRequest]:
        """What the engine is asked, one request per prompt."""
        return [
            EmbeddingRequest(
                id=f"{self.id}-{at}",
                prompt=prompt,
                dimensions=dimensions,
                trace_headers=trace_headers,
            )
            for at, prompt in enumerate(prompts)
        ]


class EmbeddingJob:
    """The running answer to one call. All inputs are with the engine at once; it batches them as it can."""

    completion_tokens = 0

    def __init__(
        self,
        call: EmbeddingCall,
        requests: list[EmbeddingRequest],
        engine: Engine,
        *,
        recorder: Recorder,
        lifecycle: Lifecycle,
        span: RequestSpan | None,
    ) -> None:
        self.call = call
        self.prompt_tokens = sum(len(request.prompt.token_ids) for request in requests)
        self.cached_tokens = 0
        self._recorder = recorder
        self._lifecycle = lifecycle
        self._span = span
        self._error: TidegateError | None = None
        self._complete = False
        self._aborted = False
        self._closed = False
        self._tasks = [asyncio.create_task(engine.embed(request)) for request in requests]
        recorder.started()
        lifecycle.enter()

    async def vectors(self) -> list[bytes] | None:
        """One packed vector per input, in their order; None if the job was aborted. Raises the first failure."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        if self._aborted:
            return None
        try:
            for task in done:
                self.cached_tokens += task.result().cached_tokens
        except TidegateError as error:
            self._error = error
            raise
        self._complete = True
        return [task.result().vector for task in self._tasks]

    @property
    def outcome(self) -> Outcome:
        """How it ended, in the words of the metrics."""
        return outcome_of(self._error) if self._error else "ok" if self._complete else "cancelled"

    async def abort(self) -> None:
        """Nobody is listening any more: take what still runs out of the engine."""
        self._aborted = True
        for task in self._tasks:
            task.cancel()

    async def aclose(self) -> None:
        """Release everything, exactly once: the engine's requests, the place in flight, the books."""
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            self._lifecycle.leave()
            self._settle()

    def _settle(self) -> None:
        e2e_seconds = time.monotonic() - self.call.received
        self._recorder.finished(self.outcome, e2e_seconds, self.prompt_tokens, 0, self.cached_tokens, None)
        if self._span is not None:
            error_type = None if self._error is None else type(self._error).__name__
            self._span.end(input_tokens=self.prompt_tokens, error_type=error_type)


def check_inputs(prompts: list[Prompt], context: int) -> None:
    """Raise for the first input that does not fit into the context, or of which the tokenizer leaves nothing."""
    for at, prompt in enumerate(prompts):
        count, name = len(prompt.token_ids), "input" if len(prompts) == 1 else f"input[{at}]"
        if count > context:
            raise ContextLengthError(
                f"This model's maximum context length is {context} tokens, but '{name}' has {count}. Shorten it.",
                param=name,
            )
        if count == 0:
            raise InvalidRequestError(
                f"Invalid '{name}': it has no tokens. Send some text.", param=name, code="invalid_value"
            )
