"""`VllmEngine`: vLLM's AsyncLLM as an `Engine`.

vLLM itself is imported by `start`, through the modules beside this one whose names begin with `vllm_`: the import
takes seconds, and a phase of its own.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from service.engine.base import (
    Delta,
    EngineInfo,
    GenerationRequest,
    Health,
    Phase,
    Prompt,
    Renderable,
    ReportProgress,
    Sampling,
)
from service.engine.vllm_environment import derived_arguments, detect_accelerator, environment
from service.engine.vllm_grammar_process import GrammarProcess
from service.errors import EngineUnavailableError, TidegateError
from service.models import bundled
from service.settings import EngineSettings
from service.tracing import traces_endpoint

if TYPE_CHECKING:
    from vllm.v1.engine.async_llm import AsyncLLM

    from service.engine.vllm_grammar_guard import GrammarGuard
    from service.engine.vllm_render import VllmRenderer

logger = logging.getLogger("tidegate.engine.vllm")


class VllmEngine:
    """One AsyncLLM; not restartable, for vLLM's is not. `otlp_endpoint` makes vLLM trace what it is given to trace."""

    def __init__(self, settings: EngineSettings, *, otlp_endpoint: str | None = None) -> None:
        self._settings = settings
        self._otlp_endpoint = otlp_endpoint
        self._health = Health(Phase.STARTING)
        self._report: ReportProgress = lambda health: None
        self._llm: AsyncLLM | None = None
        self._renderer: VllmRenderer | None = None
        self._grammar_process: GrammarProcess | None = None
        self._guard: GrammarGuard | None = None

    async def start(self, report: ReportProgress) -> EngineInfo:
        self._report = report
        try:
            return await self._start()
        except TidegateError as error:
            self._enter(Health(Phase.FAILED, reason=error.message))
            raise

    async def _start(self) -> EngineInfo:
        # The first of all, so that it loads beside the rest.
        self._grammar_process = await GrammarProcess.spawn()
        accelerator = detect_accelerator(self._settings)
        model = self._prepared_model()
        os.environ.update(environment(self._settings, accelerator, model, os.environ))
        arguments = derived_arguments(self._settings, accelerator, model)
        if self._otlp_endpoint is not None:
            # vLLM would speak gRPC; collectors are given to us by their HTTP address.
            os.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
            arguments["otlp_traces_endpoint"] = traces_endpoint(self._otlp_endpoint)
        self._enter(Health(Phase.IMPORTING))
        from service.engine import vllm_launch
        from service.engine.vllm_grammar_guard import GrammarGuard, vocabulary_of
        from service.engine.vllm_render import VllmRenderer

        config = vllm_launch.build_config(arguments)
        self._enter(Health(Phase.LOADING_WEIGHTS))
        self._llm = vllm_launch.launch(config)
        self._renderer = VllmRenderer(self._llm.renderer)
        self._enter(Health(Phase.WARMING_UP))
        vocabulary = vocabulary_of(self._llm)
        await self._grammar_process.introduce(vocabulary)
        self._guard = GrammarGuard(self._grammar_process, vocabulary)
        await self._warm_up()
        self._health = Health(Phase.READY)
        return vllm_launch.describe(self._llm)

    def _prepared_model(self) -> str:
        if not bundled.is_bundled(self._settings.model):
            local = Path(self._settings.model).expanduser()
            return str(local) if local.is_dir() else self._settings.model
        self._enter(Health(Phase.PREPARING_MODEL))
        return str(bundled.prepare(lambda done: self._enter(Health(Phase.PREPARING_MODEL, done))))

    async def _warm_up(self) -> None:
        """Let the first request not be the one that waits for lazily built kernels."""
        request = GenerationRequest(
            id="warm-up", prompt=Prompt(token_ids=[1] * 8), sampling=Sampling(max_tokens=2, ignore_eos=True)
        )
        async for _ in self.generate(request):
            pass

    async def render(self, prompt: Renderable) -> list[Prompt]:
        if self._renderer is None:
            raise self._unavailable()
        return await self._renderer.render(prompt)

    def generate(self, request: GenerationRequest) -> "VllmStream":
        if self._llm is None:
            raise self._unavailable()
        return VllmStream(self._llm, request, self._guard)

    def health(self) -> Health:
        if self._health.phase is Phase.READY and self._llm is not None and self._llm.errored:
            self._enter(Health(Phase.FAILED, reason="The engine process has died."))
        return self._health

    async def metrics(self) -> bytes:
        from service.engine.vllm_metrics import exposition

        return await asyncio.to_thread(exposition)

    async def aclose(self) -> None:
        llm, self._llm = self._llm, None
        if llm is not None:
            llm.shutdown()
        if self._guard is not None:
            await self._guard.aclose()
        elif self._grammar_process is not None:
            await self._grammar_process.kill()

    def _enter(self, health: Health) -> None:
        self._health = health
        self._report(health)

    def _unavailable(self) -> EngineUnavailableError:
        return EngineUnavailableError(f"The engine is {self._health.phase.value}. Try again later.")


class VllmStream:
    """One request inside vLLM; its outputs become deltas as they are read."""

    def __init__(self, llm: "AsyncLLM", request: GenerationRequest, guard: "GrammarGuard | None") -> None:
        from service.engine import vllm_translate

        self._llm = llm
        self._request = request
        self._guard = guard
        self._translate = vllm_translate.translate
        self._reader = vllm_translate.DeltaReader(request, llm.renderer.tokenizer)
        self._outputs: AsyncGenerator[Any, None] | None = None
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Delta]:
        try:
            while not self._closed:
                if self._outputs is None:
                    await self._check_form()
                    if self._closed:
                        break
                    self._outputs = self._submit()
                output = await anext(self._outputs)
                if not self._closed and (deltas := self._reader.read(output)):
                    return deltas
        except (StopAsyncIteration, TidegateError):
            raise
        except Exception as error:  # vLLM's own errors have no common base class
            logger.warning("vllm refused or failed a request", exc_info=error)
            raise self._translate(error) from error
        raise StopAsyncIteration

    async def _check_form(self) -> None:
        """Let nothing be submitted that might stall the engine while it compiles."""
        form = self._request.sampling.structured
        if form is not None and self._guard is not None:
            await self._guard.check(form)

    def _submit(self) -> "AsyncGenerator[Any, None]":
        from service.engine.vllm_translate import sampling_params

        request = self._request
        prompt: Any = {"type": "token", "prompt_token_ids": request.prompt.token_ids}
        if request.cache_salt is not None:
            prompt["cache_salt"] = request.cache_salt
        return self._llm.generate(
            prompt,
            sampling_params(request.sampling),
            request.id,
            prompt_text=request.prompt.text,
            trace_headers=request.trace_headers,
        )

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._outputs is not None and not self._reader.finished:
            # Ends the outputs for whoever is reading them now; a generator that runs cannot be closed from outside.
            await self._llm.abort(self._request.id)
