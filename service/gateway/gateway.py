"""`Gateway`: the way of a call to the engine. Render, check the context, submit; each step adds one concern.

Between the API, which knows HTTP, and the engine, which knows tokens; knows neither of both.
"""

import secrets
from collections.abc import Sequence

from service.engine.base import DeltaStream, Engine, GenerationRequest, Prompt
from service.errors import ContextLengthError, EngineUnavailableError, ModelNotFoundError
from service.gateway.call import Call
from service.gateway.echo_only import EchoOnly
from service.gateway.generation import Generation
from service.gateway.merged import MergedStream
from service.lifecycle import Lifecycle
from service.telemetry import Telemetry
from service.tracing import RequestSpan, Tracer


class Gateway:
    """Everything that the routes need of the service below them."""

    def __init__(self, engine: Engine, lifecycle: Lifecycle, telemetry: Telemetry, tracer: Tracer | None) -> None:
        self._engine = engine
        self._lifecycle = lifecycle
        self._telemetry = telemetry
        self._tracer = tracer

    @property
    def served_models(self) -> Sequence[str]:
        """Names that requests may ask for; empty until the engine is ready."""
        info = self._lifecycle.info
        return (*info.served_model_names, *info.adapters) if info else ()

    async def open(self, call: Call) -> Generation:
        """Start generating. The caller closes what it gets; on an error nothing stays behind."""
        span = self._tracer.start(call.route, call.model, call.trace_headers) if self._tracer else None
        try:
            self.check(call.model)
            prompts = await self._engine.render(call.prompt)
            return self._submit(call, prompts, span)
        except BaseException as error:
            if span is not None:
                span.end(error_type=type(error).__name__)
            raise

    def check(self, name: str) -> None:
        """Raise what keeps a request for this model from being served now: no engine, a drain, no such model."""
        if refusal := self._lifecycle.refusal():
            raise refusal
        self.check_model(name)

    def check_model(self, name: str) -> None:
        """Raise `ModelNotFoundError` unless the model is served here."""
        if name not in self.served_models:
            raise ModelNotFoundError(
                f"The model '{_printable(name)}' does not exist here. Served: {', '.join(self.served_models)}.",
                param="model",
            )

    def _submit(self, call: Call, prompts: list[Prompt], span: RequestSpan | None) -> Generation:
        info = self._lifecycle.info
        if info is None:
            raise EngineUnavailableError("The engine is not ready yet. Try again later.")
        longest = max(len(prompt.token_ids) for prompt in prompts)
        max_tokens = fit(longest, call.max_tokens, info.max_model_len)
        sampling = call.sampling(max(max_tokens, 1), info.default_sampling)
        trace_headers = span.propagation_headers() if span else None
        streams: list[DeltaStream] = [
            self._engine.generate(
                GenerationRequest(
                    id=f"{call.id}-{secrets.token_hex(4)}",
                    prompt=prompt,
                    sampling=sampling,
                    trace_headers=trace_headers,
                    adapter=call.model if call.model in info.adapters else None,
                )
            )
            for prompt in prompts
        ]
        stream = streams[0] if len(streams) == 1 else MergedStream(streams, sampling.n)
        return Generation(
            call,
            prompts,
            sampling,
            EchoOnly(stream) if max_tokens == 0 else stream,
            recorder=self._telemetry.recorder(call.route, call.model),
            lifecycle=self._lifecycle,
            span=span,
        )


def fit(prompt_tokens: int, max_tokens: int | None, context: int) -> int:
    """The output budget: what was asked for, or all that the context leaves. Raises `ContextLengthError`."""
    room = context - prompt_tokens
    if max_tokens is None and room >= 1:
        return room
    if max_tokens is not None and max_tokens <= room:
        return max_tokens
    asked = "at least 1" if max_tokens is None else str(max_tokens)
    raise ContextLengthError(
        f"This model's maximum context length is {context} tokens, but {prompt_tokens} in the prompt and {asked} "
        f"of output were requested. Shorten the prompt or lower max_tokens.",
        param="max_tokens" if prompt_tokens < context else "messages",
    )


def _printable(name: str) -> str:
    return ascii(name[:100])[1:-1]
