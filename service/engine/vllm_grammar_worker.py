"""The grammar worker: `python -m service.engine.vllm_grammar_worker`, started by `vllm_grammar_process.py`.

It compiles a form as vLLM will, before vLLM does: some forms of a few bytes take minutes or all memory, and vLLM knows
no way to stop. This process loads the grammar library once and then forks a child for every form. The child has a
budget that the kernel enforces, so that nothing here has to watch it: it may crash, and it ends by itself.

In the order of time: import, read the vocabulary, say that it is ready, then one verdict for each form, until
standard input ends. Imports xgrammar and nothing of vLLM, whose import would take several times as long.
"""

import os
import resource
import signal
import struct
from typing import Any, BinaryIO, Final, NoReturn

import msgspec

from service.engine.vllm_grammar_trial import try_out
from service.engine.vllm_grammar_verdict import BUSY, CRASHED, FITS, TOO_COMPLEX, TOO_SLOW_NOW, Form, Verdict, frame

CPU_SECONDS: Final = 0.6
"""Budget of one form: what vLLM will spend on it again, in a process where it delays others."""

WALL_SECONDS: Final = 0.7
"""The same on a clock, so that an answer comes within a second."""

ENOUGH_CPU_SECONDS: Final = 0.15
"""Who had as much and was still not done in `WALL_SECONDS` is heavy; who had less met a busy machine."""

MEMORY_BYTES: Final = 512 * 1024**2
"""What one form may allocate."""

NICENESS: Final = 5
"""Behind the engine; more would starve it on a machine whose cores all compute."""


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
        os.write(pipe, msgspec.msgpack.encode(try_out(form, vocabulary)))
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
