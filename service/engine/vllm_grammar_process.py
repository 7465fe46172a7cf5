"""`GrammarProcess`: the grammar worker as a child process. Knows its pipes and its life, not what the forms mean.

Imports neither vLLM nor xgrammar: the worker is started before them, so that it loads beside them.
"""

import asyncio
import os
import struct
import sys
from typing import Final, Self

import msgspec

from service.engine.vllm_grammar_verdict import Question, Verdict, frame
from service.errors import EngineUnavailableError

ANSWER_SECONDS: Final = 20.0
"""The worker answers within its budgets, new lengths of strings included; this is for one that hangs."""


class GrammarProcess:
    """A worker with its own pipes. One question at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def spawn(cls) -> Self:
        """Start the worker. Its standard input ends with this process, and so does the worker."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service.engine.vllm_grammar_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Its children are forked, which is only safe while nothing in it has threads that matter.
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    async def introduce(self, vocabulary: bytes) -> None:
        """Send the vocabulary and wait until the worker has loaded it. Raises `EngineUnavailableError` if it ended."""
        try:
            await self._exchange(vocabulary)
        except EOFError as error:
            raise EngineUnavailableError("The grammar worker ended while it started.") from error

    async def ask(self, question: Question) -> Verdict:
        """The verdict. Raises `EOFError` if the worker has ended, `TimeoutError` if it hangs."""
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self._exchange(msgspec.msgpack.encode(question))

    async def _exchange(self, data: bytes) -> Verdict:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(frame(data))
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:  # uvloop raises the latter for a pipe that is closed already
            raise EOFError("the grammar worker has ended") from error
        (size,) = struct.unpack("!I", await self._process.stdout.readexactly(4))
        return msgspec.msgpack.decode(await self._process.stdout.readexactly(size), type=Verdict)

    async def kill(self) -> None:
        """End it and wait for its end. Idempotent."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
