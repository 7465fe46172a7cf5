"""Compiles a form as vLLM will and follows it for some tokens, to find out what it costs. Imports xgrammar.

What takes too long altogether is none of its business: it runs where it can be stopped (`vllm_grammar_worker.py`).
"""

import random
import re
import statistics
import time
from collections import deque
from typing import Any, Final

from service.engine.grammar_recursion import left_recursive_rule
from service.engine.vllm_grammar_compiler import WarmCompiler
from service.engine.vllm_grammar_verdict import AMBIGUOUS, CRASHED, FITS, TOO_COMPLEX, Form, Verdict

CONVERSION_SECONDS: Final = 0.1
"""CPU time of the conversion to a grammar alone: vLLM repeats it on the event loop of the engine's process."""

STEP_SECONDS: Final = 0.02
"""CPU time of one token's mask: every other sequence of the batch waits for it. One may be over it."""

TRIAL_TOKENS: Final = 32
"""Tokens that are drawn from what was compiled; some forms compile quickly and stall while they are followed."""

GRAMMAR_TRIAL_TOKENS: Final = 256
"""The same for a caller's own grammar: an ambiguous one gets slower with every token."""

ACCEPT_SECONDS: Final = 0.00025
"""CPU time to follow one token, by the median of the last 16; 5 to 20 us are usual."""


def try_out(form: Form, compiler: WarmCompiler) -> Verdict:
    """The verdict, if there is time for one."""
    import xgrammar

    began = time.process_time()
    try:
        grammar = _convert(form)
        if form.kind == "grammar" and (rule := left_recursive_rule(str(grammar))) is not None:
            return Verdict("refused", f"rule '{_readable(rule)}' may begin with itself. Put the recursion last.")
        if time.process_time() - began > CONVERSION_SECONDS:
            return TOO_COMPLEX
        matcher = xgrammar.GrammarMatcher(compiler.compile(form))
    except MemoryError:
        return CRASHED
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        return Verdict("refused", f"{_readable(str(error))}. Correct it.")
    tokens = GRAMMAR_TRIAL_TOKENS if form.kind in ("grammar", "lark") else TRIAL_TOKENS
    return _follow(matcher, compiler.vocabulary, tokens)


def _convert(form: Form) -> Any:
    """What vLLM does to validate a request."""
    from xgrammar import Grammar

    match form.kind:
        case "json":
            return Grammar.from_json_schema(form.text)
        case "regex":
            return Grammar.from_regex(form.text)
        case "grammar":
            return Grammar.from_ebnf(form.text)
        case "lark":
            return Grammar.from_lark(form.text)
        case "structural_tag":
            return Grammar.from_structural_tag(form.text)


def _follow(matcher: Any, vocabulary: Any, tokens: int) -> Verdict:
    """Draw so many tokens as an engine would, and end as late as the form lets us."""
    import numpy
    import xgrammar

    size, ends = vocabulary.vocab_size, list(vocabulary.stop_token_ids)
    mask, draw = xgrammar.allocate_token_bitmask(1, size), random.Random(0)  # noqa: S311 (not a secret)
    accepted: deque[float] = deque(maxlen=16)
    slow_masks = 0
    for _ in range(tokens):
        began = time.process_time()
        matcher.fill_next_token_bitmask(mask)
        slow_masks += time.process_time() - began > STEP_SECONDS
        if slow_masks > 1:
            return TOO_COMPLEX
        allowed = numpy.unpackbits(mask.numpy().view(numpy.uint8), bitorder="little")[:size]
        if not allowed.any():
            return Verdict("refused", "no text has this form. Correct it.")
        allowed[ends] = 0
        if not len(going_on := numpy.flatnonzero(allowed)):
            break
        began = time.process_time()
        matcher.accept_token(int(draw.choice(going_on)))
        accepted.append(time.process_time() - began)
        if len(accepted) == accepted.maxlen and statistics.median(accepted) > ACCEPT_SECONDS:
            return AMBIGUOUS
    return FITS


def _readable(message: str) -> str:
    """The library's first line, without the place in its source that comes before."""
    line = re.sub(r"^(\[[\d:]+\] )?\S+\.(cc|h):\d+:\s*", "", message.strip().partition("\n")[0])
    return "".join(each if each.isprintable() else " " for each in line[:200]).rstrip(". ") or "it cannot be compiled"
