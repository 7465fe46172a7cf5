"""`SimulatedEngine`: an engine that plays a script. For load tests without a GPU and unit tests in milliseconds.

It batches continuously as a real engine does: every step gives each running request one token, at most
`max_num_seqs` run at once and the others wait, first come, first served. Prompts are tokenised as UTF-8 bytes; the
script's words are the tokens that it writes, followed by an end-of-sequence token. Sampling parameters that shape
the text (temperature, penalties, bias) have no effect; those that end it or describe it have. With a LoRA adapter the
script begins with the adapter's name in brackets. A resumed request tells again what it had told, all in one step.
With `simulation.modalities` it takes images: each is sixteen tokens, whatever is in it.

As an engine of embeddings (vLLM's own `engine.runner: pooling`) it needs the time to the first token for each.
"""

import asyncio
import os
import signal
import time
from collections import deque
from typing import Final

from service.engine.base import Health, Phase, Progress, ReportProgress
from service.engine.deltas import Embedding
from service.engine.grammar_limits import check_limits
from service.engine.info import EmbeddingSizes, EngineInfo
from service.engine.prompts import Prompt, Renderable
from service.engine.requests import EmbeddingRequest, GenerationRequest
from service.engine.simulated_choice import SimulatedChoice
from service.engine.simulated_embedding import EMBEDDING_SIZE, embedding_of
from service.engine.simulated_fault import Fault, fault_in
from service.engine.simulated_script import SimulatedScript
from service.engine.simulated_vocabulary import SimulatedVocabulary
from service.engine.stream import BufferedStream, failed
from service.errors import EngineUnavailableError, InvalidRequestError, ModelNotFoundError, TidegateError
from service.settings import EngineSettings, SimulationSettings

UNLIMITED_IMAGES: Final = 999
"""vLLM's figure for it."""

INSTANT_STEPS: Final = 8
"""Steps in one turn of the event loop where no time passes between tokens: they are all due at once."""


class SimulatedEngine:
    """Plays `simulation.text`, at the pace that the settings give."""

    def __init__(self, engine: EngineSettings, simulation: SimulationSettings) -> None:
        self._settings = simulation
        self._names = tuple(engine.served_model_name) or (engine.model,)
        self._adapters = dict.fromkeys(engine.lora_adapters)
        self._context = engine.max_model_len or simulation.context_tokens
        self._vocabulary = SimulatedVocabulary(simulation.text, self._context)
        self._script = SimulatedScript(simulation, self._vocabulary)
        self._max_num_seqs = engine.max_num_seqs or simulation.max_num_seqs
        self._health = Health(Phase.STARTING)
        self._waiting: deque[SimulatedChoice] = deque()
        self._running: list[SimulatedChoice] = []
        self._embedding = 0
        self._embeds = engine.extra.get("runner") == "pooling"
        self._matryoshka = bool(engine.extra.get("hf_overrides", {}).get("is_matryoshka"))
        self._stepper: asyncio.Task[None] | None = None
        self._work = asyncio.Event()
        self._steps = 0
        self._hangs = False
        self._steps_a_turn = 1 if simulation.itl_seconds else INSTANT_STEPS

    async def start(self, report: ReportProgress) -> EngineInfo:
        phases = (Phase.IMPORTING, Phase.LOADING_WEIGHTS, Phase.WARMING_UP)
        for phase in phases:
            self._health = Health(phase)
            report(self._health)
            await asyncio.sleep(self._settings.load_seconds / len(phases))
        self._stepper = asyncio.create_task(self._run())
        self._health = Health(Phase.READY)
        return EngineInfo(
            model=self._names[0],
            served_model_names=self._names,
            max_model_len=self._context,
            vocab_size=self._vocabulary.size,
            kv_cache_tokens=self._settings.kv_cache_tokens,
            max_concurrency=self._settings.kv_cache_tokens / self._context,
            max_num_seqs=self._max_num_seqs,
            tensor_parallel_size=1,
            pipeline_parallel_size=1,
            data_parallel_size=1,
            adapters=tuple(self._adapters),
            version="simulated",
            tool_call_parser="simulated",
            reasoning_parser="simulated" if self._script.reasons else None,
            embeddings=EmbeddingSizes(full=EMBEDDING_SIZE, matryoshka=self._matryoshka) if self._embeds else None,
            max_images=UNLIMITED_IMAGES if "image" in self._settings.modalities else 0,
        )

    async def render(self, prompt: Renderable) -> list[Prompt]:
        return self._vocabulary.render(prompt)

    async def detokenize(self, token_ids: list[int]) -> str:
        return self._vocabulary.detokenize(token_ids)

    async def embed(self, request: EmbeddingRequest) -> Embedding:
        self._check_ready()
        self._embedding += 1
        try:
            await asyncio.sleep(self._settings.ttft_seconds)
        finally:
            self._embedding -= 1
        self._check_ready()
        self._steps += 1
        token_ids = request.prompt.token_ids
        return Embedding(embedding_of(token_ids, request.dimensions or EMBEDDING_SIZE), len(token_ids))

    def generate(self, request: GenerationRequest) -> BufferedStream:
        try:
            self._check(request)
        except TidegateError as error:
            return failed(error)
        choices: list[SimulatedChoice] = []
        stream = BufferedStream(request.sampling.n, on_abort=lambda: self._drop(choices))
        fault = fault_in(request.prompt) if self._settings.faults else None
        now = time.monotonic()
        choices.extend(
            SimulatedChoice(index, request, stream, self._script, now, fault, self._befall)
            for index in range(request.sampling.n)
        )
        self._waiting.extend(choices)
        self._work.set()
        return stream

    def _check(self, request: GenerationRequest) -> None:
        self._check_ready()
        if request.adapter is not None and request.adapter not in self._adapters:
            raise ModelNotFoundError(f"The adapter '{request.adapter}' is not loaded here.", param="model")
        if request.sampling.structured is not None:
            check_limits(request.sampling.structured)

    async def load_adapter(self, name: str, folder: str) -> tuple[str, ...]:
        if not await asyncio.to_thread(os.path.isdir, folder):
            raise InvalidRequestError(f"There is no folder of the adapter '{name}'.", code="invalid_adapter")
        self._adapters[name] = None
        return tuple(self._adapters)

    async def unload_adapter(self, name: str) -> tuple[str, ...]:
        if name not in self._adapters:
            raise ModelNotFoundError(f"The adapter '{name}' is not loaded here.", param="model")
        del self._adapters[name]
        return tuple(self._adapters)

    def health(self) -> Health:
        return self._health

    def progress(self) -> Progress | None:
        if self._health.phase is not Phase.READY:
            return None
        running = len(self._running) + len(self._waiting) + self._embedding
        return Progress(self._steps, running, max(self._settings.itl_seconds, self._settings.ttft_seconds))

    async def metrics(self) -> bytes:
        labels = f'{{model_name="{self._names[0]}"}}'
        rows = (("running", len(self._running) + self._embedding), ("waiting", len(self._waiting)))
        return "".join(
            f"# HELP vllm:num_requests_{name} Requests {name} in the simulated engine.\n"
            f"# TYPE vllm:num_requests_{name} gauge\n"
            f"vllm:num_requests_{name}{labels} {float(count)}\n"
            for name, count in rows
        ).encode()

    async def aclose(self) -> None:
        if self._stepper is not None:
            self._stepper.cancel()
            await asyncio.gather(self._stepper, return_exceptions=True)
            self._stepper = None
        self._health = Health(Phase.FAILED, reason="The engine was stopped.")
        for choice in (*self._running, *self._waiting):
            choice.stream.fail(EngineUnavailableError("The engine was stopped. Try again later."))
        self._running.clear()
        self._waiting.clear()

    async def _run(self) -> None:
        while True:
            while self._hangs or (not self._running and not self._waiting):
                self._work.clear()
                await self._work.wait()
            for _ in range(self._steps_a_turn):
                self._step(time.monotonic())
            await asyncio.sleep(self._settings.itl_seconds)

    def _step(self, now: float) -> None:
        """Admit what fits, then give every running sequence whose first token is due one token."""
        if self._hangs:
            return
        while self._waiting and len(self._running) < self._max_num_seqs:
            choice = self._waiting.popleft()
            choice.admit(now, self._settings.ttft_seconds)
            self._running.append(choice)
        self._steps += 1
        self._running = [choice for choice in self._running if not choice.advance(now)]

    def _befall(self, fault: Fault) -> None:
        """Die on the spot, or take no further step."""
        if fault.kind == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        self._hangs = True

    def _drop(self, choices: list[SimulatedChoice]) -> None:
        gone = set(map(id, choices))
        self._running = [choice for choice in self._running if id(choice) not in gone]
        self._waiting = deque(choice for choice in self._waiting if id(choice) not in gone)

    def _check_ready(self) -> None:
        if self._health.phase is not Phase.READY:
            raise EngineUnavailableError(f"The engine is {self._health.phase.value}. Try again later.")
