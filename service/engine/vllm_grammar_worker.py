"""The grammar worker: `python -m service.engine.vllm_grammar_worker`, started by `vllm_grammar_process.py`.

It compiles a form as vLLM will, before vLLM does: some forms of a few bytes take minutes or all memory, and vLLM knows
no way to stop. This process loads the grammar library once and then forks a child for every form. The child has a
budget that the kernel enforces, so that nothing here has to watch it: it may crash, and it ends by itself.

In the order of time: import, read the vocabulary, say that it is ready, then one verdict for each form, until
standard input ends. Imports xgrammar and nothing of vLLM, whose import would take several times as long.
"""

import os
import random
import re
import resource
import signal
import statistics
import struct
import time
from collections import deque
from typing import Any, BinaryIO, Final, Literal, NoReturn

import msgspec

from service.engine.grammar_recursion import left_recursive_rule

CPU_SECONDS: Final = 0.6
"""Budget of one form: what vLLM will spend on it again, in a process where it delays others."""

WALL_SECONDS: Final = 0.7
"""The same on a clock, so that an answer comes within a second."""

ENOUGH_CPU_SECONDS: Final = 0.15
"""Who had as much and was still not done in `WALL_SECONDS` is heavy; who had less met a busy machine."""

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

MEMORY_BYTES: Final = 512 * 1024**2
"""What one form may allocate."""

NICENESS: Final = 5
"""Behind the engine; more would starve it on a machine whose cores all compute."""

Kind = Literal["json", "regex", "grammar", "lark", "structural_tag"]


class Form(msgspec.Struct, frozen=True, array_like=True):
    """What is to be compiled."""

    kind: Kind
    text: str


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """`busy` says nothing about the form: the machine had no time for it."""

    outcome: Literal["fits", "refused", "busy"]
    reason: str = ""
    lasting: bool = True
    """Whether it would be the same on a machine with nothing else to do."""


FITS: Final = Verdict("fits")
BUSY: Final = Verdict("busy", lasting=False)
TOO_COMPLEX: Final = Verdict("refused", "it takes too long to compile. Simplify it.")
TOO_SLOW_NOW: Final = Verdict(
    "refused", "it takes too long to compile, at least while the server is busy. Simplify it.", lasting=False
)
AMBIGUOUS: Final = Verdict("refused", "a text has it in so many ways that every token takes longer. Make it definite.")
CRASHED: Final = Verdict("refused", "it takes more memory or stack to compile than it may have. Simplify it.")


def frame(data: bytes) -> bytes:
    """A message on either pipe."""
    return struct.pack("!I", len(data)) + data


def _read_frame(stream: BinaryIO) -> bytes | None:
    head = stream.read(4)
    return stream.read(struct.unpack("!I", head)[0]) if len(head) == 4 else None


def judge(form: Form, vocabulary: Any) -> Verdict:
    """Try the form in a child of our own and wait for its end, however it comes."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        _attempt(form, vocabulary, writable)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        said = pipe.read()
    _, status, usage = os.wait4(child, 0)
    if said:
        return msgspec.msgpack.decode(said, type=Verdict)
    killed_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if killed_by == signal.SIGALRM:
        return BUSY if usage.ru_utime + usage.ru_stime < ENOUGH_CPU_SECONDS else TOO_SLOW_NOW
    return TOO_COMPLEX if killed_by == signal.SIGPROF else CRASHED


def _attempt(form: Form, vocabulary: Any, pipe: int) -> NoReturn:
    """In the child. The signals of the timers are not handled, so they end it even inside native code."""
    try:
        signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + MEMORY_BYTES,) * 2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        # The library's warnings quote what callers sent.
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.write(pipe, msgspec.msgpack.encode(_compile(form, vocabulary)))
    finally:
        os._exit(0)


def _data_bytes() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))


def _compile(form: Form, vocabulary: Any) -> Verdict:
    import xgrammar

    began = time.process_time()
    try:
        grammar = _convert(form)
        if form.kind == "grammar" and (rule := left_recursive_rule(str(grammar))) is not None:
            return Verdict("refused", f"rule '{_readable(rule)}' may begin with itself. Put the recursion last.")
        if time.process_time() - began > CONVERSION_SECONDS:
            return TOO_COMPLEX
        compiler = xgrammar.GrammarCompiler(vocabulary, max_threads=1, cache_enabled=False)
        matcher = xgrammar.GrammarMatcher(_compiled(form, compiler))
    except MemoryError:
        return CRASHED
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        return Verdict("refused", f"{_readable(str(error))}. Correct it.")
    return _follow(matcher, vocabulary, GRAMMAR_TRIAL_TOKENS if form.kind in ("grammar", "lark") else TRIAL_TOKENS)


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


def _compiled(form: Form, compiler: Any) -> Any:
    """What vLLM's engine core does with it (vllm/v1/structured_output/backend_xgrammar.py, `compile_grammar`)."""
    match form.kind:
        case "json":
            return compiler.compile_json_schema(form.text, any_whitespace=False, separators=(",", ":"))
        case "regex":
            return compiler.compile_regex(form.text)
        case "grammar":
            return compiler.compile_grammar(form.text)
        case "lark":
            return compiler.compile_lark(form.text)
        case "structural_tag":
            return compiler.compile_structural_tag(form.text)


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
        bits = numpy.unpackbits(mask.numpy().view(numpy.uint8), bitorder="little")
        allowed = numpy.flatnonzero(bits[:size])
        if not len(allowed):
            return Verdict("refused", "no text has this form. Correct it.")
        if not len(going_on := numpy.setdiff1d(allowed, ends)):
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


def main() -> None:
    """Entry point of the process."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not come between the answers.
    os.dup2(2, 1)
    os.nice(NICENESS)
    from xgrammar import TokenizerInfo

    described = _read_frame(questions)
    if described is None:
        return
    vocabulary = TokenizerInfo.deserialize_json(described.decode())
    answers.write(frame(msgspec.msgpack.encode(FITS)))
    answers.flush()
    while (question := _read_frame(questions)) is not None:
        verdict = judge(msgspec.msgpack.decode(question, type=Form), vocabulary)
        answers.write(frame(msgspec.msgpack.encode(verdict)))
        answers.flush()


if __name__ == "__main__":
    main()
