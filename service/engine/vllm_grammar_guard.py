"""`GrammarGuard`: the one door to vLLM for forms. What passes has been compiled before, within a budget, elsewhere.

Verdicts are kept, so that a form costs its compilation once. One form is compiled at a time, the light before the
heavy, and the worker rests in between, because it takes its time from the engine. The others wait, and those for whom
it takes too long are told that the machine is busy. Imports vLLM.
"""

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Final

from vllm.v1.structured_output.backend_xgrammar import XgrammarBackend, has_xgrammar_unsupported_json_features
from vllm.v1.structured_output.utils import choice_as_grammar, grammar_is_likely_lark

from service.engine.grammar_lane import GrammarLane
from service.engine.grammar_limits import refusal
from service.engine.requests import StructuredOutput
from service.engine.schema_keywords import check_keywords
from service.engine.vllm_grammar_memory import VerdictMemory, digest
from service.engine.vllm_grammar_process import GrammarProcess
from service.engine.vllm_grammar_verdict import BUSY, FULL, QUICK, UNFINISHED, Form, Question, Verdict
from service.errors import EngineUnavailableError, OverloadedError

if TYPE_CHECKING:
    from vllm.v1.engine.async_llm import AsyncLLM

logger = logging.getLogger("tidegate.engine.grammar")

QUICK_REST: Final = 2.0
"""A third of the time may go into first attempts, which tell heavy forms from light ones."""

FULL_REST: Final = 4.0
"""A fifth of the time may go into second attempts."""

BURST_SECONDS: Final = 2.0
"""Work of either kind that need not wait, after some rest."""

FULL_PATIENCE_SECONDS: Final = 4.0
"""How long a heavy form waits for its turn: it holds up nobody else, and some are honest."""


class GrammarGuard:
    """Owns the worker from its introduction on, and replaces it if it ends."""

    def __init__(self, process: GrammarProcess, vocabulary: bytes) -> None:
        self._process: GrammarProcess | None = process
        self._vocabulary = vocabulary
        self._known = VerdictMemory()
        self._pending: dict[bytes, asyncio.Task[Verdict]] = {}
        worker = asyncio.Lock()
        self._quick = GrammarLane(worker, rest=QUICK_REST, burst=BURST_SECONDS)
        self._full = GrammarLane(worker, rest=FULL_REST, burst=BURST_SECONDS, patience=FULL_PATIENCE_SECONDS)
        self._replacing: asyncio.Task[None] | None = None

    async def check(self, wanted: StructuredOutput) -> None:
        """Return if vLLM may have it; it is within the static limits (`grammar_limits.py`).

        Raises `InvalidRequestError` for a form that is invalid or too heavy, `OverloadedError` if there was no time
        to find out.
        """
        key = digest(wanted)
        verdict = self._known.get(key)
        if verdict is None or verdict == UNFINISHED:
            form = form_of(wanted)
            if form is None:
                return
            verdict = await self._verdict(key, form, verdict)
        if verdict.outcome == "busy":
            raise OverloadedError(
                f"There was no time to check '{wanted.param}'. Try again later.", param=wanted.param, retry_after=1
            )
        if verdict.outcome == "refused":
            raise refusal(wanted, verdict.reason)

    async def _verdict(self, key: bytes, form: Form, known: Verdict | None) -> Verdict:
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = asyncio.create_task(self._judge(key, form, known))
            pending.add_done_callback(lambda _: self._pending.pop(key, None))
        # A caller that goes away must not tear the exchange with the worker apart; others may wait for it as well.
        return await asyncio.shield(pending)

    async def _judge(self, key: bytes, form: Form, known: Verdict | None) -> Verdict:
        """A light form costs a short attempt; a heavy one a long one after that, in a lane that is seldom open."""
        try:
            verdict = known or await self._attempt(self._quick, Question(form, QUICK))
            self._known.keep(key, verdict)
            if verdict == UNFINISHED:
                verdict = await self._attempt(self._full, Question(form, FULL))
                self._known.keep(key, verdict)
        except TimeoutError:
            return BUSY
        return verdict

    async def _attempt(self, lane: GrammarLane, question: Question) -> Verdict:
        async with lane.turn():
            return await self._ask(question)

    async def _ask(self, question: Question) -> Verdict:
        if self._process is not None:
            try:
                return await self._process.ask(question)
            except (EOFError, TimeoutError) as error:
                logger.warning("grammar worker ended or hangs; it is replaced", exc_info=error)
                await self._process.kill()
                self._process = None
        if self._replacing is None or self._replacing.done():
            self._replacing = asyncio.create_task(self._replace())
        return BUSY

    async def _replace(self) -> None:
        process = await GrammarProcess.spawn()
        try:
            await process.introduce(self._vocabulary)
        except EngineUnavailableError as error:
            logger.warning("grammar worker did not start; the next form tries again", exc_info=error)
            await process.kill()
        except asyncio.CancelledError:
            await process.kill()
            raise
        else:
            self._process = process

    async def aclose(self) -> None:
        """End the worker. Idempotent."""
        tasks = [*self._pending.values(), *([self._replacing] if self._replacing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._process is not None:
            await self._process.kill()


def form_of(wanted: StructuredOutput) -> Form | None:
    """What vLLM will compile for it; None if that is always the same. Raises `InvalidRequestError`."""
    if wanted.json is not None:
        schema = json.loads(wanted.json)
        check_keywords(wanted, schema)
        if has_xgrammar_unsupported_json_features(schema):
            raise refusal(wanted, "the schema has keywords that cannot be enforced together. Simplify it.")
        return Form("json", wanted.json)
    if wanted.regex is not None:
        return Form("regex", wanted.regex)
    if wanted.choice is not None:
        return Form("grammar", choice_as_grammar(wanted.choice))
    if wanted.grammar is not None:
        return Form("lark" if grammar_is_likely_lark(wanted.grammar) else "grammar", wanted.grammar)
    if wanted.structural_tag is not None:
        return Form("structural_tag", wanted.structural_tag)
    return None


async def guarded(llm: "AsyncLLM", process: GrammarProcess) -> GrammarGuard | None:
    """The guard of a model that generates text; for any other the worker is not needed and ended."""
    if llm.renderer.tokenizer is None or llm.vllm_config.model_config.runner_type == "pooling":
        await process.kill()
        return None
    vocabulary = vocabulary_of(llm)
    await process.introduce(vocabulary)
    return GrammarGuard(process, vocabulary)


def vocabulary_of(llm: "AsyncLLM") -> bytes:
    """The vocabulary as vLLM's own grammars see it, for the worker."""
    config = llm.vllm_config
    backend = XgrammarBackend(config, tokenizer=llm.renderer.tokenizer, vocab_size=config.model_config.get_vocab_size())
    try:
        # The compiler does not give away what it was made of; what it compiles does.
        return backend.compiler.compile_regex("a").tokenizer_info.serialize_json().encode()
    finally:
        backend.destroy()
