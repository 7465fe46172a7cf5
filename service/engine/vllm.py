"""`VllmEngine`: vLLM's AsyncLLM as an `Engine`.

vLLM itself is imported by `start`, through the modules beside this one whose names begin with `vllm_`: the import
takes seconds, and a phase of its own.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from service.engine.base import DeltaStream, Health, Phase, Progress, ReportProgress
from service.engine.deltas import Embedding
from service.engine.info import EngineInfo, Resumption
from service.engine.process_watch import ProcessWatch
from service.engine.prompts import Prompt, Renderable
from service.engine.requests import EmbeddingRequest, GenerationRequest, Sampling, StructuredOutput
from service.engine.resume import why_not_resumable
from service.engine.resumed_choices import ResumedChoices
from service.engine.step_clock import StepClock
from service.engine.stream import failed
from service.engine.vllm_environment import derived_arguments, detect_accelerator, environment, tool_call_parser
from service.engine.vllm_grammar_compiler import USUAL
from service.engine.vllm_grammar_process import GrammarProcess
from service.engine.vllm_lora_limits import RANKS
from service.engine.vllm_processes import vital_processes
from service.errors import ConfigurationError, EngineUnavailableError, InternalError, InvalidRequestError, TidegateError
from service.models import bundled
from service.models.adapter import AdapterError, AdapterFolder, read_base
from service.models.adapter_source import all_adapters
from service.settings import EngineSettings
from service.settings.lora import check_ranks
from service.tracing import traces_endpoint

if TYPE_CHECKING:
    from vllm.lora.request import LoRARequest
    from vllm.v1.engine.async_llm import AsyncLLM

    from service.engine.vllm_adapters import VllmAdapters
    from service.engine.vllm_grammar_guard import GrammarGuard
    from service.engine.vllm_parse import ParserFactory
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
        self._parsers: ParserFactory | None = None
        self._adapters: VllmAdapters | None = None
        self._model = Path()
        self._grammar_process: GrammarProcess | None = None
        self._guard: GrammarGuard | None = None
        self._clock = StepClock()
        self._watch: ProcessWatch | None = None
        self._info: EngineInfo | None = None

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
        self._model = Path(model)
        folders = self._prepared_adapters()
        os.environ.update(environment(self._settings, accelerator, model, os.environ))
        arguments = derived_arguments(self._settings, accelerator, model, folders.values())
        if self._otlp_endpoint is not None:
            # vLLM would speak gRPC; collectors are given to us by their HTTP address.
            os.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
            arguments["otlp_traces_endpoint"] = traces_endpoint(self._otlp_endpoint)
        self._enter(Health(Phase.IMPORTING))
        from service.engine import vllm_launch
        from service.engine.vllm_adapters import VllmAdapters
        from service.engine.vllm_grammar_guard import guarded
        from service.engine.vllm_parse import ParserFactory, check_parser_names
        from service.engine.vllm_render import VllmRenderer

        tool_call, reasoning = tool_call_parser(self._settings), self._settings.reasoning_parser
        check_parser_names(tool_call, reasoning)
        config = vllm_launch.build_config(arguments)
        self._enter(Health(Phase.LOADING_WEIGHTS))
        self._llm = vllm_launch.launch(config, self._clock)
        self._renderer = VllmRenderer(self._llm.renderer)
        if (tokenizer := self._llm.renderer.tokenizer) is not None:
            self._parsers = ParserFactory(tokenizer, config.model_config, tool_call=tool_call, reasoning=reasoning)
        capacity = (config.lora_config.max_cpu_loras or 0) if config.lora_config else 0
        paths = {name: folder.path for name, folder in folders.items()}
        self._adapters = VllmAdapters(self._llm, paths, capacity=capacity)
        self._enter(Health(Phase.WARMING_UP))
        self._watch = ProcessWatch(vital_processes(self._llm), self._die)
        info = await vllm_launch.describe(self._llm, tool_call_parser=tool_call, reasoning_parser=reasoning)
        self._info = info
        if info.resumption is Resumption.NEVER:
            logger.warning("vllm has not loaded our plugin: no stream will outlive this engine; install tidegate again")
        # Both compile what is usual, so they do it beside each other; the warm-up needs no guard.
        self._guard, _ = await asyncio.gather(guarded(self._llm, self._grammar_process), self._warm_up(info))
        if self._health.phase is Phase.FAILED:
            raise EngineUnavailableError(f"{self._health.reason} It had not served a request yet.")
        if (reader := self._llm.output_handler) is not None:
            reader.add_done_callback(lambda _: self._die("The engine's output can no longer be read."))
        self._health = Health(Phase.READY)
        return msgspec.structs.replace(info, adapters=self._adapters.names)

    def _prepared_model(self) -> str:
        if not bundled.is_bundled(self._settings.model):
            local = Path(self._settings.model).expanduser()
            return str(local) if local.is_dir() else self._settings.model
        self._enter(Health(Phase.PREPARING_MODEL))
        return str(bundled.prepare(lambda done: self._enter(Health(Phase.PREPARING_MODEL, done))))

    def _prepared_adapters(self) -> dict[str, AdapterFolder]:
        """The adapters of the settings. Raises `ConfigurationError` for one that does not fit the model."""
        folders = all_adapters(self._settings)
        check_ranks(self._settings, {name: folder.rank for name, folder in folders.items()}, RANKS[-1])
        base = read_base(self._model) if folders else {}
        for name, folder in folders.items():
            try:
                folder.check_fits(base)
            except AdapterError as error:
                raise ConfigurationError(f"engine.lora_adapters.{name} is {folder.path}, {error}") from error
        return folders

    async def _warm_up(self, info: EngineInfo) -> None:
        """Let the first request not be the one that waits for lazily built kernels."""
        prompt = Prompt(token_ids=[1] * 8)
        if info.task == "embed":
            await self.embed(EmbeddingRequest(id="warm-up", prompt=prompt))
            return
        # A form, where there may be forms, lets the engine's grammars warm up as well.
        form = StructuredOutput(json=USUAL) if self._parsers is not None else None
        # vLLM compiles what ranks log probabilities when it is first used, for one row and once more for several. That
        # takes many seconds on CPU, in a step that would look like a hang.
        for n in (1, 3):
            sampling = Sampling(max_tokens=2, n=n, logprobs=1, ignore_eos=True, structured=form)
            async for _ in self.generate(GenerationRequest(id=f"warm-up-{n}", prompt=prompt, sampling=sampling)):
                pass

    async def render(self, prompt: Renderable) -> list[Prompt]:
        if self._renderer is None:
            raise self._unavailable()
        return await self._renderer.render(prompt)

    async def detokenize(self, token_ids: list[int]) -> str:
        if self._renderer is None:
            raise self._unavailable()
        return await self._renderer.detokenize(token_ids)

    async def embed(self, request: EmbeddingRequest) -> Embedding:
        if self._llm is None:
            raise self._unavailable()
        from service.engine import vllm_embed

        self._clock.work_arrived()
        return await vllm_embed.embed(self._llm, request)

    def generate(self, request: GenerationRequest) -> DeltaStream:
        llm = self._llm
        if llm is None or self._info is None:
            return failed(self._unavailable())
        self._clock.work_arrived()
        if request.emitted and (reason := why_not_resumable(request, self._info)):
            return failed(InternalError(reason, code="not_resumable"))
        if request.adapter is None:
            return self._stream(llm, request)
        from service.engine.vllm_adapter_stream import AdapterStream

        return AdapterStream(self._running_adapters(), request.adapter, lambda lora: self._stream(llm, request, lora))

    def _stream(self, llm: "AsyncLLM", request: GenerationRequest, lora: "LoRARequest | None" = None) -> DeltaStream:
        from service.engine.vllm_stream import VllmStream
        from service.engine.vllm_translate import distinct_choices

        renderer = self._renderer
        assert renderer is not None

        def begin(request: GenerationRequest) -> VllmStream:
            return VllmStream(llm, request, self._parsers, self._guard, lora, renderer=renderer)

        if len(request.emitted) > 1 and distinct_choices(request.sampling):
            return ResumedChoices(request, begin)
        return begin(request)

    async def load_adapter(self, name: str, folder: str) -> tuple[str, ...]:
        adapters = self._running_adapters()
        path = Path(folder)
        try:
            await asyncio.to_thread(lambda: AdapterFolder.read(path).check_fits(read_base(self._model)))
        except AdapterError as error:
            raise InvalidRequestError(f"lora_path names {path.name}, {error}.", code="invalid_adapter") from error
        await adapters.load(name, path)
        return adapters.names

    async def unload_adapter(self, name: str) -> tuple[str, ...]:
        adapters = self._running_adapters()
        await adapters.unload(name)
        return adapters.names

    def _running_adapters(self) -> "VllmAdapters":
        if self._adapters is None:
            raise self._unavailable()
        return self._adapters

    def health(self) -> Health:
        return self._health

    def progress(self) -> Progress | None:
        if self._health.phase is not Phase.READY or self._llm is None:
            return None
        return self._clock.progress(self._llm.output_processor.get_num_unfinished_requests())

    def _die(self, reason: str) -> None:
        """Tell of the engine's death, for the first reason that is heard of."""
        if self._health.phase is not Phase.FAILED and self._llm is not None:
            self._enter(Health(Phase.FAILED, reason=reason))

    async def metrics(self) -> bytes:
        from service.engine.vllm_metrics import exposition

        return await asyncio.to_thread(exposition)

    async def aclose(self) -> None:
        llm, self._llm = self._llm, None
        if self._watch is not None:
            self._watch.close()
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
