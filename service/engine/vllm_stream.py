"""`VllmStream`: one request inside vLLM. Imports vLLM."""

import logging
from collections.abc import AsyncGenerator
from typing import Any, Self

from vllm.lora.request import LoRARequest
from vllm.outputs import RequestOutput
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError

from service.engine.deltas import Delta
from service.engine.requests import GenerationRequest
from service.engine.vllm_form import final_form
from service.engine.vllm_grammar_guard import GrammarGuard
from service.engine.vllm_parse import ChatParser, ParserFactory
from service.engine.vllm_render import VllmRenderer
from service.engine.vllm_resume import Replay, go_on_after
from service.engine.vllm_translate import DeltaReader, sampling_params, translate
from service.errors import TidegateError

logger = logging.getLogger("tidegate.engine.vllm")


class VllmStream:
    """A `DeltaStream`: vLLM's outputs become deltas as they are read. Submitted when it is first read."""

    def __init__(
        self,
        llm: AsyncLLM,
        request: GenerationRequest,
        parsers: ParserFactory | None,
        guard: GrammarGuard | None,
        lora: LoRARequest | None = None,
        *,
        renderer: VllmRenderer,
    ) -> None:
        self._llm = llm
        self._renderer = renderer
        self._request = request
        self._lora = lora
        self._guard = guard
        self._reader = DeltaReader(request, llm.renderer.tokenizer)
        self._parser: ChatParser | None = parsers.parser(request) if parsers is not None else None
        self._outputs: AsyncGenerator[RequestOutput, None] | None = None
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Delta]:
        try:
            while not self._closed:
                if self._outputs is None:
                    outputs = await self._submit()
                    if self._closed:
                        break
                    self._outputs = outputs
                output = await anext(self._outputs)
                if self._closed:
                    break
                read = self._reader.read_replay if type(output) is Replay else self._reader.read
                if deltas := read(output):
                    return deltas if self._parser is None else list(map(self._parser.parse, deltas))
        except (StopAsyncIteration, TidegateError):
            raise
        except Exception as error:  # vLLM's own errors have no common base class
            logger.warning("vllm refused or failed a request", exc_info=error)
            # Whatever ends vLLM's reading of the engine's output comes out of every stream as it is.
            raise translate(EngineDeadError() if self._llm.errored else error) from error
        raise StopAsyncIteration

    async def _submit(self) -> AsyncGenerator[RequestOutput, None]:
        """Nothing reaches vLLM before the outputs are read, nor what might stall it while it compiles."""
        request = self._request
        params = sampling_params(request.sampling, whole=request.whole)
        asked, further = params.structured_outputs, {}
        if self._parser is not None:
            self._parser.adjust(params)
            further = self._parser.submission()
        # A form that was not asked for is the parser's, which forces calls.
        own = request.sampling.structured if params.structured_outputs is asked else None
        form = final_form(params, own.param if own is not None else "tools")
        if request.emitted:
            # Choices are made here that come out the same: the farthest told is what all have told.
            go_on_after(params, max((each.token_ids for each in request.emitted), key=len))
        elif form is not None and self._guard is not None:
            await self._guard.check(form)
        prompt: Any = {"type": "token", "prompt_token_ids": request.prompt.token_ids}
        if request.prompt.source is not None:
            prompt = await self._renderer.engine_input(request.prompt)
        if request.cache_salt is not None:
            prompt["cache_salt"] = request.cache_salt
        outputs: AsyncGenerator[RequestOutput, None] = self._llm.generate(
            prompt,
            params,
            request.id,
            lora_request=self._lora,
            prompt_text=request.prompt.text,
            trace_headers=request.trace_headers,
            **further,
        )
        return outputs

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._outputs is not None and not self._reader.finished:
            # Ends the outputs for whoever is reading them now; a generator that runs cannot be closed from outside.
            await self._llm.abort(self._request.id)
