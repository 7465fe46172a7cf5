"""The grammar worker: `python -m service.engine.vllm_grammar_worker`, started by `vllm_grammar_process.py`.

It compiles a form as vLLM will, before vLLM does: some forms of a few bytes take minutes or all memory, and vLLM knows
no way to stop. This process loads the grammar library once and then forks a child for every form. The child has a
budget that the kernel enforces, so that nothing here has to watch it: it may crash, and it ends by itself.

In the order of time: import, read the vocabulary, warm up, say that it is ready, then one verdict for each form, until
standard input ends. Imports xgrammar and nothing of vLLM, whose import would take several times as long.
"""

import os
import resource
import signal
import struct
from typing import BinaryIO, Final, NoReturn

import msgspec

from service.engine.vllm_grammar_compiler import WarmCompiler
from service.engine.vllm_grammar_trial import try_out
from service.engine.vllm_grammar_verdict import (
    BUSY,
    CRASHED,
    FITS,
    FULL,
    TOO_COMPLEX,
    TOO_SLOW_NOW,
    UNFINISHED,
    Question,
    Verdict,
    frame,
)

ENOUGH_CPU_SECONDS: Final = 0.15
"""Who had as much and was still not done on the clock is heavy; who had less met a busy machine."""

MEMORY_BYTES: Final = 512 * 1024**2
"""What one form may allocate."""


def judge(question: Question, compiler: WarmCompiler) -> Verdict:
    """Try the form in a child of our own and wait for its end, however it comes."""
    if question.budget == FULL:
        compiler.make_lengths(question.form)
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        _attempt(question, compiler, writable)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        said = pipe.read()
    _, status, usage = os.wait4(child, 0)
    if said:
        return msgspec.msgpack.decode(said, type=Verdict)
    killed_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if killed_by not in (signal.SIGALRM, signal.SIGPROF):
        return CRASHED
    if question.budget != FULL:
        return UNFINISHED
    if killed_by == signal.SIGALRM:
        return BUSY if usage.ru_utime + usage.ru_stime < ENOUGH_CPU_SECONDS else TOO_SLOW_NOW
    return TOO_COMPLEX


def _attempt(question: Question, compiler: WarmCompiler, pipe: int) -> NoReturn:
    """In the child. The signals of the timers are not handled, so they end it even inside native code."""
    try:
        signal.setitimer(signal.ITIMER_REAL, question.budget.wall)
        signal.setitimer(signal.ITIMER_PROF, question.budget.cpu)
        os.nice(question.budget.niceness)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + MEMORY_BYTES,) * 2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        # The library's warnings quote what callers sent.
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.write(pipe, msgspec.msgpack.encode(try_out(question.form, compiler)))
    finally:
        os._exit(0)


def _data_bytes() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))


def _read_frame(stream: BinaryIO) -> bytes | None:
    head = stream.read(4)
    return stream.read(struct.unpack("!I", head)[0]) if len(head) == 4 else None


def main() -> None:
    """Entry point of the process."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not come between the answers.
    os.dup2(2, 1)
    from xgrammar import TokenizerInfo

    described = _read_frame(questions)
    if described is None:
        return
    compiler = WarmCompiler(TokenizerInfo.deserialize_json(described.decode()))
    compiler.warm_up()
    answers.write(frame(msgspec.msgpack.encode(FITS)))
    answers.flush()
    while (question := _read_frame(questions)) is not None:
        verdict = judge(msgspec.msgpack.decode(question, type=Question), compiler)
        answers.write(frame(msgspec.msgpack.encode(verdict)))
        answers.flush()


if __name__ == "__main__":
    main()
