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
import itertools
import math
import os
import re
import secrets
import signal
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from service.engine.base import (
    ChatPrompt,
    Delta,
    Embedding,
    EmbeddingRequest,
    EmbeddingSizes,
    EngineInfo,
    FirstDelta,
    GenerationRequest,
    Health,
    Phase,
    PositionLogprobs,
    Progress,
    Prompt,
    Renderable,
    ReportProgress,
    StructuredOutput,
    TokenLogprob,
    ToolCallPart,
)
from service.engine.grammar_limits import check_limits
from service.engine.simulated_embedding import EMBEDDING_SIZE, embedding_of
from service.engine.simulated_fault import Fault, fault_in
from service.engine.simulated_form import shortest
from service.engine.stop_strings import StopStrings
from service.engine.stream import BufferedStream
from service.engine.whole import whole
from service.errors import ContextLengthError, EngineUnavailableError, InvalidRequestError, ModelNotFoundError
from service.settings import EngineSettings, SimulationSettings

BYTE_TOKENS: Final = 256
END_OF_SEQUENCE: Final = BYTE_TOKENS
FIRST_WORD: Final = BYTE_TOKENS + 1

IMAGE: Final = "\0" * 16
"""What an image is to the prompt."""

UNLIMITED_IMAGES: Final = 999
"""vLLM's figure for it."""

INSTANT_STEPS: Final = 8
"""Steps in one turn of the event loop where no time passes between tokens: they are all due at once."""

SCRIPTED_LOGPROB: Final = math.log(0.9)
"""What the chosen token of each position is said to have had."""


class SimulatedEngine:
    """Plays `simulation.text`, at the pace that the settings give."""

    def __init__(self, engine: EngineSettings, simulation: SimulationSettings) -> None:
        self._settings = simulation
        self._words = _words(simulation.text)
        self._names = tuple(engine.served_model_name) or (engine.model,)
        self._adapters = dict.fromkeys(engine.lora_adapters)
        self._context = engine.max_model_len or simulation.context_tokens
        self._max_num_seqs = engine.max_num_seqs or simulation.max_num_seqs
        self._health = Health(Phase.STARTING)
        self._waiting: deque[_Sequence] = deque()
        self._running: list[_Sequence] = []
        self._embedding = 0
        self._embeds = engine.extra.get("runner") == "pooling"
        self._matryoshka = bool(engine.extra.get("hf_overrides", {}).get("is_matryoshka"))
        self._stepper: asyncio.Task[None] | None = None
        self._work = asyncio.Event()
        self._steps = 0
        self._hangs = False
        self._steps_a_turn = 1 if simulation.itl_seconds else INSTANT_STEPS
        # A plain step's delta depends on the word alone, so the same object serves every request.
        self._plain = [Delta(0, word, [FIRST_WORD + i]) for i, word in enumerate(self._words)]
        self._reasoning = [
            Delta(0, "", [FIRST_WORD], reasoning=word) for word in _words(simulation.reasoning) if word.strip()
        ]

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
            vocab_size=FIRST_WORD + len(self._words),
            kv_cache_tokens=self._settings.kv_cache_tokens,
            max_concurrency=self._settings.kv_cache_tokens / self._context,
            max_num_seqs=self._max_num_seqs,
            tensor_parallel_size=1,
            pipeline_parallel_size=1,
            data_parallel_size=1,
            adapters=tuple(self._adapters),
            version="simulated",
            tool_call_parser="simulated",
            reasoning_parser="simulated" if self._reasoning else None,
            embeddings=EmbeddingSizes(full=EMBEDDING_SIZE, matryoshka=self._matryoshka) if self._embeds else None,
            max_images=UNLIMITED_IMAGES if "image" in self._settings.modalities else 0,
        )

    async def render(self, prompt: Renderable) -> list[Prompt]:
        given, field = ([_flatten(prompt)], "") if isinstance(prompt, ChatPrompt) else (prompt.prompts, prompt.field)
        prompts = [self._tokenise(each) if isinstance(each, str) else self._check(each, field) for each in given]
        if not prompt.unlimited:
            self._check_context(prompts, field or "messages")
        if isinstance(prompt, ChatPrompt) and prompt.images:
            prompts = [msgspec.structs.replace(each, source=prompt) for each in prompts]
        return [self._spelt_out(each) for each in prompts] if prompt.want_token_strings else prompts

    async def detokenize(self, token_ids: list[int]) -> str:
        self._check_vocabulary(token_ids, "tokens")
        runs = itertools.groupby(token_ids, lambda token_id: token_id < BYTE_TOKENS)
        return "".join(
            bytes(run).decode("utf-8", "replace") if are_bytes else "".join(map(self.token_text, run))
            for are_bytes, run in runs
        )

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
        sequences: list[_Sequence] = []
        stream = BufferedStream(request.sampling.n, on_abort=lambda: self._drop(sequences))
        try:
            self._check_ready()
        except EngineUnavailableError as error:
            stream.fail(error)
            return stream
        if request.adapter is not None and request.adapter not in self._adapters:
            stream.fail(ModelNotFoundError(f"The adapter '{request.adapter}' is not loaded here.", param="model"))
            return stream
        if (form := request.sampling.structured) is not None:
            try:
                check_limits(form)
            except InvalidRequestError as error:
                stream.fail(error)
                return stream
        now = time.monotonic()
        fault = fault_in(request.prompt) if self._settings.faults else None
        sequences.extend(_Sequence(self, index, request, stream, now, fault) for index in range(request.sampling.n))
        self._waiting.extend(sequences)
        self._work.set()
        return stream

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
        for sequence in (*self._running, *self._waiting):
            sequence.stream.fail(EngineUnavailableError("The engine was stopped. Try again later."))
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
            sequence = self._waiting.popleft()
            sequence.admit(now, self._settings.ttft_seconds)
            self._running.append(sequence)
        self._steps += 1
        self._running = [sequence for sequence in self._running if not sequence.advance(now)]

    def befall(self, fault: Fault) -> None:
        """Die on the spot, or take no further step."""
        if fault.kind == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        self._hangs = True

    def _drop(self, sequences: list["_Sequence"]) -> None:
        gone = set(map(id, sequences))
        self._running = [sequence for sequence in self._running if id(sequence) not in gone]
        self._waiting = deque(sequence for sequence in self._waiting if id(sequence) not in gone)

    def _tokenise(self, text: str) -> Prompt:
        return Prompt(token_ids=list(text.encode("utf-8", "surrogatepass")), text=text)

    def _check_ready(self) -> None:
        if self._health.phase is not Phase.READY:
            raise EngineUnavailableError(f"The engine is {self._health.phase.value}. Try again later.")

    def _check_context(self, prompts: list[Prompt], field: str) -> None:
        longest = max(len(prompt.token_ids) for prompt in prompts)
        if longest > self._context:
            raise ContextLengthError(
                f"This model's maximum context length is {self._context} tokens, but the prompt has "
                f"{longest} tokens. Shorten the prompt.",
                param=field,
            )

    def _check(self, token_ids: list[int], field: str) -> Prompt:
        self._check_vocabulary(token_ids, field)
        return Prompt(token_ids=token_ids, text="".join(map(self.token_text, token_ids)))

    def _check_vocabulary(self, token_ids: list[int], field: str) -> None:
        vocabulary = FIRST_WORD + len(self._words)
        for token_id in token_ids:
            if not 0 <= token_id < vocabulary:
                raise InvalidRequestError(
                    f"{field}: token id {token_id} is outside the vocabulary of {vocabulary} tokens.",
                    param=field,
                    code="invalid_value",
                )

    def _spelt_out(self, prompt: Prompt) -> Prompt:
        return msgspec.structs.replace(prompt, token_strings=[self.token_text(each) for each in prompt.token_ids])

    def token_text(self, token_id: int) -> str:
        """The text of one token; a byte that is no character of its own becomes U+FFFD."""
        if token_id < BYTE_TOKENS:
            return bytes((token_id,)).decode("utf-8", "replace")
        return "" if token_id == END_OF_SEQUENCE else self._words[token_id - FIRST_WORD]

    def script(self, request: GenerationRequest) -> list[Delta]:
        """What a request is answered with, one delta per token: words, reasoning before them, or a forced call."""
        if request.chat is None:
            return self._written(request.sampling.structured)
        use = request.chat.tool_use
        if use is not None and use.choice == "required":
            name = use.name or use.tools[0]["function"]["name"]
            return [*self._reasoning, *self._call(name)]
        written = self._written(request.sampling.structured)
        return [*self._reasoning, *written] if self._reasoning else written

    def _written(self, form: StructuredOutput | None) -> list[Delta]:
        """The settings' text, or where that is easy the shortest text of the form."""
        text = None if form is None else shortest(form)
        if text is None:
            return self._plain
        # The words of a form have no ids of their own; they borrow the script's.
        return [Delta(0, word, [FIRST_WORD + i % len(self._words)]) for i, word in enumerate(_words(text) or [""])]

    def _call(self, name: str) -> list[Delta]:
        arguments = self._settings.tool_arguments
        pieces = [arguments[at : at + 4] for at in range(0, len(arguments), 4)]
        parts = [
            ToolCallPart(0, f"call-{secrets.token_hex(8)}", name),
            *(ToolCallPart(0, arguments=piece) for piece in pieces),
        ]
        return [Delta(0, "", [FIRST_WORD], tool_calls=[part]) for part in parts]

    def prompt_logprobs(self, prompt: Prompt) -> list[PositionLogprobs | None]:
        """Scripted log probabilities for a prompt; nothing precedes its first token."""
        scored = [_position(self.token_text(token_id), token_id, 0) for token_id in prompt.token_ids[1:]]
        return [None, *scored]


class _Sequence:
    """One choice of a request, from waiting to its finish reason."""

    __slots__ = (
        "_due",
        "_engine",
        "_fault",
        "_index",
        "_kept",
        "_plain",
        "_position",
        "_queued",
        "_request",
        "_script",
        "_stops",
        "_told",
        "stream",
    )

    def __init__(
        self,
        engine: SimulatedEngine,
        index: int,
        request: GenerationRequest,
        stream: BufferedStream,
        now: float,
        fault: Fault | None,
    ) -> None:
        sampling = request.sampling
        self.stream = stream
        self._engine = engine
        self._fault = fault
        self._index = index
        self._request = request
        self._script = engine.script(request)
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
            self._engine.befall(self._fault)
            return False
        self._position = position + 1
        limit = self._request.sampling.max_tokens
        ends_itself = not self._request.sampling.ignore_eos and position + 1 >= max(
            len(self._script), self._request.sampling.min_tokens
        )
        if self._plain and position > 0 and position + 1 < limit and not ends_itself:
            self._tell(self._script[position % len(self._script)])
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
        plain = self._script[position % len(self._script)]
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
            None if wants is None or position < self._told else [_position(marker + plain.text, token_id, wants)],
            self._first() if position == 0 else None,
            plain.reasoning,
            plain.tool_calls,
            0 if reason is None else sum(each.reasoning is not None for each in self._script[: position + 1]),
        )

    def _first(self) -> FirstDelta:
        wanted = self._request.sampling.prompt_logprobs is not None
        scored = self._engine.prompt_logprobs(self._request.prompt) if wanted else None
        return FirstDelta(0, self._queued, scored)


def _position(token: str, token_id: int, top: int) -> PositionLogprobs:
    chosen = TokenLogprob(token, token_id, SCRIPTED_LOGPROB)
    others = (TokenLogprob(chr(97 + i), 97 + i, SCRIPTED_LOGPROB - 1 - i) for i in itertools.count())
    return PositionLogprobs(chosen, [chosen, *itertools.islice(others, top - 1)] if top else [])


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*$|\s*\S+", text)


def _flatten(prompt: ChatPrompt) -> str:
    lines = [f"{message['role']}: {_content_text(message.get('content'))}\n" for message in prompt.messages]
    return "".join(lines) + ("assistant: " if prompt.add_generation_prompt else "")


def _content_text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts: Sequence[dict[str, str]] = content if isinstance(content, list) else ()
    return "\n".join(IMAGE if part.get("type") == "image" else part.get("text", "") for part in parts)
