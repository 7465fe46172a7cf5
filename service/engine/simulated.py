"""`SimulatedEngine`: an engine that plays a script. For load tests without a GPU and unit tests in milliseconds.

It batches continuously as a real engine does: every step gives each running request one token, at most
`max_num_seqs` run at once and the others wait, first come, first served. Prompts are tokenised as UTF-8 bytes; the
script's words are the tokens that it writes, followed by an end-of-sequence token. Sampling parameters that shape
the text (temperature, penalties, bias) have no effect; those that end it or describe it have.
"""

import asyncio
import itertools
import math
import re
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from service.engine.base import (
    ChatPrompt,
    Delta,
    EngineInfo,
    FirstDelta,
    GenerationRequest,
    Health,
    Phase,
    PositionLogprobs,
    Prompt,
    Renderable,
    ReportProgress,
    StructuredOutput,
    TokenLogprob,
)
from service.engine.grammar_limits import check_limits
from service.engine.simulated_form import shortest
from service.engine.stop_strings import StopStrings
from service.engine.stream import BufferedStream
from service.errors import ContextLengthError, EngineUnavailableError, InvalidRequestError
from service.settings import EngineSettings, SimulationSettings

BYTE_TOKENS: Final = 256
END_OF_SEQUENCE: Final = BYTE_TOKENS
FIRST_WORD: Final = BYTE_TOKENS + 1

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
        self._context = engine.max_model_len or simulation.context_tokens
        self._max_num_seqs = engine.max_num_seqs or simulation.max_num_seqs
        self._health = Health(Phase.STARTING)
        self._waiting: deque[_Sequence] = deque()
        self._running: list[_Sequence] = []
        self._stepper: asyncio.Task[None] | None = None
        self._work = asyncio.Event()
        self._steps_a_turn = 1 if simulation.itl_seconds else INSTANT_STEPS
        # A plain step's delta depends on the word alone, so the same object serves every request.
        self._plain = [Delta(0, word, [FIRST_WORD + i]) for i, word in enumerate(self._words)]

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
            version="simulated",
        )

    async def render(self, prompt: Renderable) -> list[Prompt]:
        if isinstance(prompt, ChatPrompt):
            return [self._tokenise(_flatten(prompt))]
        return [self._tokenise(given) if isinstance(given, str) else self._check(given) for given in prompt.prompts]

    def generate(self, request: GenerationRequest) -> BufferedStream:
        sequences: list[_Sequence] = []
        stream = BufferedStream(request.sampling.n, on_abort=lambda: self._drop(sequences))
        if self._health.phase is not Phase.READY:
            stream.fail(EngineUnavailableError(f"The engine is {self._health.phase.value}. Try again later."))
            return stream
        if (form := request.sampling.structured) is not None:
            try:
                check_limits(form)
            except InvalidRequestError as error:
                stream.fail(error)
                return stream
        now = time.monotonic()
        sequences.extend(_Sequence(self, index, request, stream, now) for index in range(request.sampling.n))
        self._waiting.extend(sequences)
        self._work.set()
        return stream

    def health(self) -> Health:
        return self._health

    async def metrics(self) -> bytes:
        labels = f'{{model_name="{self._names[0]}"}}'
        rows = (("running", len(self._running)), ("waiting", len(self._waiting)))
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
            while not self._running and not self._waiting:
                self._work.clear()
                await self._work.wait()
            for _ in range(self._steps_a_turn):
                self._step(time.monotonic())
            await asyncio.sleep(self._settings.itl_seconds)

    def _step(self, now: float) -> None:
        """Admit what fits, then give every running sequence whose first token is due one token."""
        while self._waiting and len(self._running) < self._max_num_seqs:
            sequence = self._waiting.popleft()
            sequence.admit(now, self._settings.ttft_seconds)
            self._running.append(sequence)
        self._running = [sequence for sequence in self._running if not sequence.advance(now)]

    def _drop(self, sequences: list["_Sequence"]) -> None:
        gone = set(map(id, sequences))
        self._running = [sequence for sequence in self._running if id(sequence) not in gone]
        self._waiting = deque(sequence for sequence in self._waiting if id(sequence) not in gone)

    def _tokenise(self, text: str) -> Prompt:
        data = text.encode("utf-8", "surrogatepass")
        if len(data) > self._context:
            raise ContextLengthError(
                f"This model's maximum context length is {self._context} tokens, but the prompt has "
                f"{len(data)} tokens. Shorten the prompt."
            )
        return Prompt(token_ids=list(data), text=text)

    def _check(self, token_ids: list[int]) -> Prompt:
        vocabulary = FIRST_WORD + len(self._words)
        for token_id in token_ids:
            if not 0 <= token_id < vocabulary:
                raise InvalidRequestError(
                    f"prompt: token id {token_id} is outside the vocabulary of {vocabulary} tokens.",
                    param="prompt",
                    code="invalid_value",
                )
        return Prompt(token_ids=token_ids, text="".join(map(self.token_text, token_ids)))

    def token_text(self, token_id: int) -> str:
        """The text of one token; a byte that is no character of its own becomes U+FFFD."""
        if token_id < BYTE_TOKENS:
            return bytes((token_id,)).decode("utf-8", "replace")
        return "" if token_id == END_OF_SEQUENCE else self._words[token_id - FIRST_WORD]

    def script(self, form: StructuredOutput | None) -> list[Delta]:
        """Plain deltas for what is written, word by word: the settings' text, or where that is easy the form's."""
        text = None if form is None else shortest(form)
        if text is None:
            return self._plain
        # The words of a form have no ids of their own; they borrow the script's.
        return [Delta(0, word, [FIRST_WORD + i % len(self._words)]) for i, word in enumerate(_words(text) or [""])]

    def prompt_logprobs(self, prompt: Prompt) -> list[PositionLogprobs | None]:
        """Scripted log probabilities for a prompt; nothing precedes its first token."""
        scored = [_position(self.token_text(token_id), token_id, 0) for token_id in prompt.token_ids[1:]]
        return [None, *scored]


class _Sequence:
    """One choice of a request, from waiting to its finish reason."""

    __slots__ = (
        "_due",
        "_engine",
        "_index",
        "_plain",
        "_position",
        "_queued",
        "_request",
        "_script",
        "_stops",
        "stream",
    )

    def __init__(
        self, engine: SimulatedEngine, index: int, request: GenerationRequest, stream: BufferedStream, now: float
    ) -> None:
        sampling = request.sampling
        self.stream = stream
        self._engine = engine
        self._script = engine.script(sampling.structured)
        self._index = index
        self._request = request
        self._position = 0
        self._queued = now
        self._due = math.inf
        self._stops = StopStrings(sampling.stop, sampling.include_stop_str_in_output) if sampling.stop else None
        self._plain = index == 0 and self._stops is None and sampling.logprobs is None and not sampling.stop_token_ids

    def admit(self, now: float, ttft_seconds: float) -> None:
        """Begin running; the first token is due when the time to first token has passed."""
        self._due = now + ttft_seconds
        self._queued = now - self._queued

    def advance(self, now: float) -> bool:
        """Write one token if it is due. True when that was the last one."""
        if now < self._due or self.stream.finished:
            return self.stream.finished
        position = self._position
        self._position = position + 1
        limit = self._request.sampling.max_tokens
        ends_itself = not self._request.sampling.ignore_eos and position + 1 >= max(
            len(self._script), self._request.sampling.min_tokens
        )
        if self._plain and position > 0 and position + 1 < limit and not ends_itself:
            self.stream.push(self._word(position))
            return False
        delta = self._full_delta(position, ends_itself=ends_itself, at_limit=position + 1 >= limit)
        self.stream.push(delta)
        return delta.finish_reason is not None

    def _word(self, position: int) -> Delta:
        """The script repeats."""
        return self._script[position % len(self._script)]

    def _full_delta(self, position: int, *, ends_itself: bool, at_limit: bool) -> Delta:
        plain = self._word(position)
        sampling = self._request.sampling
        token_id = plain.token_ids[0]
        text, reason = plain.text, None
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
            None if wants is None else [_position(plain.text, token_id, wants)],
            self._first() if position == 0 else None,
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
    return "\n".join(part.get("text", "") for part in parts)
