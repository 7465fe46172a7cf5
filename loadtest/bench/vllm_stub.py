"""A stub behind vLLM's `EngineClient`: everything of `AsyncLLM` that the API server touches, and no engine.

`generate` yields ready-made `RequestOutput`s, one token each, at once and without ever waiting: the most favourable
engine that vLLM's front end could have. The prompt is rendered and tokenised once and then remembered, because the
simulated engine on our side does not tokenise either; `render_each` has vLLM do it for every request as in real life.
Imports vLLM.
"""

from collections.abc import AsyncGenerator
from typing import Any

from vllm.config import VllmConfig
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.renderers import BaseRenderer
from vllm.renderers.registry import renderer_from_config
from vllm.sampling_params import RequestOutputKind, SamplingParams
from vllm.tasks import SupportedTask
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.input_processor import InputProcessor

from loadtest.bench.script import words

TOKEN_ID = 1000


class StubEngine(AsyncLLM):
    """An `AsyncLLM` whose constructor starts nothing."""

    def __init__(self, config: VllmConfig, *, render_each: bool) -> None:
        self.vllm_config = config
        self.model_config = config.model_config
        self.scheduler_config = config.scheduler_config
        self.observability_config = config.observability_config
        self.renderer = renderer_from_config(config)
        if not render_each:
            self.renderer = _RenderOnce(self.renderer)
        self.input_processor = InputProcessor(config, self.renderer)
        self._ready_made: dict[tuple[int, bool], list[RequestOutput]] = {}

    async def generate(
        self, prompt: Any, sampling_params: SamplingParams, *_: Any, **__: Any
    ) -> AsyncGenerator[RequestOutput, None]:
        """Play the script; every request of one length gets the very same objects."""
        whole = sampling_params.output_kind is RequestOutputKind.FINAL_ONLY
        count = sampling_params.max_tokens or 1
        outputs = self._ready_made.get((count, whole))
        if outputs is None:
            outputs = _ready_made(prompt["prompt_token_ids"], count, whole)
            self._ready_made[count, whole] = outputs
        for output in outputs:
            yield output

    async def get_supported_tasks(self) -> tuple[SupportedTask, ...]:
        """What AsyncLLM reports for a text model."""
        return ("generate",)

    async def do_log_stats(self) -> None:
        """Nothing to log."""

    def shutdown(self, timeout: float | None = None) -> None:
        """Nothing was started."""

    @property
    def errored(self) -> bool:
        """Never."""
        return False

    @property
    def is_running(self) -> bool:
        """Always."""
        return True


class _RenderOnce:
    """Remembers the rendered prompt; everything else is the real renderer."""

    def __init__(self, renderer: BaseRenderer) -> None:
        self._renderer = renderer
        self._rendered: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._renderer, name)

    async def render_chat_async(self, *arguments: Any, **named: Any) -> Any:
        if self._rendered is None:
            self._rendered = await self._renderer.render_chat_async(*arguments, **named)
        return self._rendered


def _ready_made(prompt_token_ids: list[int], count: int, whole: bool) -> list[RequestOutput]:
    texts = words(count)
    if whole:
        return [_output(prompt_token_ids, "".join(texts), count, finished=True)]
    return [_output(prompt_token_ids, text, 1, finished=i == count - 1) for i, text in enumerate(texts)]


def _output(prompt_token_ids: list[int], text: str, tokens: int, *, finished: bool) -> RequestOutput:
    completion = CompletionOutput(
        index=0,
        text=text,
        token_ids=[TOKEN_ID] * tokens,
        cumulative_logprob=None,
        logprobs=None,
        finish_reason="length" if finished else None,
    )
    return RequestOutput("stub", None, prompt_token_ids, None, [completion], finished, num_cached_tokens=0)
