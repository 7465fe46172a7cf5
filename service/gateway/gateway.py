"""`Gateway`: the way of a call to the engine. Render, check the context, submit; each step adds one concern.

Between the API, which knows HTTP, and the engine, which knows tokens; knows neither of both.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from service.engine.base import DeltaStream, Engine
from service.engine.info import EngineInfo, Task
from service.engine.merged import MergedStream
from service.engine.prompts import Prompt, Renderable
from service.engine.requests import GenerationRequest
from service.errors import ContextLengthError, EngineUnavailableError, InvalidRequestError, ModelNotFoundError
from service.gateway.call import Call
from service.gateway.echo_only import EchoOnly
from service.gateway.embedding import EmbeddingCall, EmbeddingJob, check_inputs
from service.gateway.generation import Generation
from service.gateway.media.images import Images
from service.gateway.media.source import ImageSource
from service.lifecycle import Lifecycle
from service.telemetry import Telemetry
from service.tracing import RequestSpan, Tracer

OTHER_TASK: Final[Mapping[Task, str]] = {
    "generate": "This server's model gives embeddings and generates no text. Send the request to /v1/embeddings.",
    "embed": "This server's model generates text and gives no embeddings. Ask a server that runs an embedding model.",
}
"""What is told to those who ask for a task that is not served."""


class Gateway:
    """Everything that the routes need of the service below them."""

    def __init__(
        self, engine: Engine, lifecycle: Lifecycle, telemetry: Telemetry, tracer: Tracer | None, images: Images
    ) -> None:
        self._engine = engine
        self._images = images
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
            self._check_tools(call)
            prompts = await self._render(call.prompt, call.images)
            return self._submit(call, prompts, span)
        except BaseException as error:
            if span is not None:
                span.end(error_type=type(error).__name__)
            raise

    async def open_embeddings(self, call: EmbeddingCall) -> EmbeddingJob:
        """Start embedding all inputs side by side. The caller closes what it gets; an error leaves nothing behind."""
        span = self._tracer.start("embeddings", call.model, call.trace_headers) if self._tracer else None
        try:
            self.check(call.model, "embed")
            info = self._ready_info()
            dimensions = call.settled_dimensions(info)
            prompts = await self._render(call.prompts, ())
            check_inputs(prompts, info.max_model_len)
        except BaseException as error:
            if span is not None:
                span.end(error_type=type(error).__name__)
            raise
        requests = call.requests(prompts, dimensions, span.propagation_headers() if span else None)
        recorder = self._telemetry.recorder("embeddings", call.model)
        return EmbeddingJob(call, requests, self._engine, recorder=recorder, lifecycle=self._lifecycle, span=span)

    def check(self, name: str, task: Task = "generate") -> None:
        """Raise what keeps a request for this model from being served now: no engine, a drain, no such model, no such
        task.
        """
        if refusal := self._lifecycle.refusal():
            raise refusal
        self.check_model(name)
        info = self._ready_info()
        if info.task != task:
            raise InvalidRequestError(OTHER_TASK[task], param="model", code="unsupported_value")
        if task == "embed" and name in info.adapters:
            raise InvalidRequestError(
                "model: adapters give no embeddings here. Ask for the model itself.",
                param="model",
                code="unsupported_value",
            )

    def _ready_info(self) -> EngineInfo:
        if self._lifecycle.info is None:
            raise EngineUnavailableError("The engine is not ready yet. Try again later.")
        return self._lifecycle.info

    def check_model(self, name: str) -> None:
        """Raise `ModelNotFoundError` unless the model is served here."""
        if name not in self.served_models:
            raise ModelNotFoundError(
                f"The model '{_printable(name)}' does not exist here. Served: {', '.join(self.served_models)}.",
                param="model",
            )

    def _check_tools(self, call: Call) -> None:
        info = self._lifecycle.info
        if call.chat and call.chat.tool_use and info and info.tool_call_parser is None:
            raise InvalidRequestError(
                f"'tools' cannot be used with {info.model}: no parser of its calls is configured. Leave them out, "
                "or have the operator set engine.tool_call_parser.",
                param="tools",
                code="unsupported_value",
            )

    def resolve(self, name: str | None) -> str:
        """The model that a request means which may leave it out. Raises as `check` does."""
        if refusal := self._lifecycle.refusal():
            raise refusal
        if name is None:
            return self.served_models[0]
        self.check_model(name)
        return name

    async def tokenize(self, prompt: Renderable, images: Sequence[ImageSource] = ()) -> Prompt:
        """One prompt as the model would read it. Raises `InvalidRequestError` for what cannot be rendered."""
        (rendered,) = await self._render(prompt, images)
        return rendered

    async def _render(self, prompt: Renderable, images: Sequence[ImageSource]) -> list[Prompt]:
        with self._lifecycle.held():  # fetching images takes its time, and a drain must not end before
            return await self._engine.render(await self._images.attach(prompt, images, self._ready_info()))

    async def detokenize(self, token_ids: list[int]) -> str:
        """The text that the tokens stand for. Raises `InvalidRequestError` for ids outside the vocabulary."""
        with self._lifecycle.held():
            return await self._engine.detokenize(token_ids)

    def _submit(self, call: Call, prompts: list[Prompt], span: RequestSpan | None) -> Generation:
        info = self._ready_info()
        longest = max(len(prompt.token_ids) for prompt in prompts)
        max_tokens = fit(longest, call.max_tokens, info.max_model_len)
        sampling = call.sampling(max(max_tokens, 1), info.default_sampling)
        trace_headers = span.propagation_headers() if span else None
        streams: list[DeltaStream] = [
            self._engine.generate(
                GenerationRequest(
                    id=f"{call.id}-{at}",
                    prompt=prompt,
                    sampling=sampling,
                    whole=not call.stream,
                    chat=call.chat,
                    trace_headers=trace_headers,
                    # Not "if it is an adapter": one unloaded since `check` must not turn into the base model.
                    adapter=None if call.model in info.served_model_names else call.model,
                )
            )
            for at, prompt in enumerate(prompts)
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
