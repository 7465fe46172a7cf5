"""What a person sees on the terminal: how far the start has come, what is served where, why it failed.

On a terminal a live bar (drawn with rich by a thread of its own, so that the event loop neither imports nor draws),
elsewhere plain lines. Whatever becomes of the output, nothing here raises. Not a log: machines read that, on stderr.
"""

import json
import os
import shlex
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Final, TextIO, cast

from service.engine.base import Health, Phase
from service.engine.info import EngineInfo, Task

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.spinner import Spinner

REFRESH_SECONDS: Final = 0.25
BAR_WIDTH: Final = 40
PHASE_WIDTH: Final = max(len(phase.value) for phase in Phase)
STEP: Final = 10
"""Per cent of a phase after which a plain line tells of progress again."""
PARAGRAPH_WIDTH: Final = 100
QUESTION: Final = "What is the capital of France?"


class Console:
    """Everything that is written for a person. Called from the event loop; no call waits for a drawing."""

    def __init__(self, stream: TextIO | None, is_tty: bool, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._paper = Paper(stream)
        self._bar = LiveBar(self._paper, clock) if is_tty else None
        self._told: tuple[Phase, int] | None = None

    def progress(self, health: Health, elapsed_seconds: float) -> None:
        """Show how far the start has come; seconds are counted since the process began, or since the engine died."""
        if self._bar is not None:
            self._bar.show(health, elapsed_seconds)
            return
        percent = _percent(health)
        told = (health.phase, -1 if percent is None else percent // STEP)
        if told != self._told:
            self._told = told
            part = "" if percent is None else f" {percent} %"
            self._print(f"{health.phase.value}{part}, {elapsed_seconds:.0f} s")

    def ready(self, info: EngineInfo, address: str, management_address: str | None) -> None:
        """Say what is served and how to try it."""
        self._finish(Health(Phase.READY, 1.0))
        rows = {
            "Model": f"{info.model} ({info.version})",
            "Parallelism": _parallelism(info),
            "KV cache": f"{info.kv_cache_tokens:,} tokens",
            "Full context": f"{info.max_model_len:,} tokens, {info.max_concurrency:.1f} requests at once",
            "Management": f"{management_address} (metrics, health)" if management_address else "off",
        }
        lines = ["", f"Tidegate is ready at {address}", ""]
        lines += [f"  {name:<14}{_printable(value)}" for name, value in rows.items()]
        lines += ["", "Try it:", "", curl(address, info.served_model_names[0], info.task), ""]
        self._print("\n".join(lines))

    def recovered(self) -> None:
        """Say that a new engine has taken the place of a dead one."""
        self._print("Tidegate is ready again.")

    def failed(self, reason: str) -> None:
        """Say why nothing is served, in one paragraph."""
        self._finish(None)
        paragraph = f"Tidegate stopped: {_printable(reason)}"
        self._print(textwrap.fill(paragraph, PARAGRAPH_WIDTH, break_long_words=False, break_on_hyphens=False))

    def draining(self, count: int) -> None:
        """Say that the process ends, and what it waits for."""
        self._finish(None)
        if count == 0:
            self._print("Stopping.")
        else:
            requests = "1 request" if count == 1 else f"{count} requests"
            self._print(f"Stopping when {requests} in flight are over; Ctrl-C or SIGTERM again stops now.")

    def _finish(self, last: Health | None) -> None:
        if self._bar is not None:
            self._bar.stop(last)

    def _print(self, text: str) -> None:
        self._paper.write(f"{text}\n")
        self._paper.flush()


class LiveBar:
    """One line that is drawn again four times a second until `stop`, in a thread of its own."""

    def __init__(self, paper: "Paper", clock: Callable[[], float]) -> None:
        self._paper = paper
        self._clock = clock
        self._shown = (Health(Phase.STARTING), clock())
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._drawing = threading.Lock()

    def show(self, health: Health, elapsed_seconds: float) -> None:
        """Show this from the next refresh on; the seconds count on by themselves. No effect after `stop`."""
        if self._stopping.is_set():
            return
        self._shown = (health, self._clock() - elapsed_seconds)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tidegate-console", daemon=True)
            self._thread.start()

    def stop(self, last: Health | None) -> None:
        """Draw once more, `last` if given, and leave the cursor below the bar. Idempotent.

        Takes milliseconds. A thread that still imports rich is not waited for; it will find that it is too late.
        """
        if last is not None:
            self._shown = (last, self._shown[1])
        self._stopping.set()
        with self._drawing:
            pass

    def _run(self) -> None:
        from rich.console import Console as RichConsole
        from rich.live import Live
        from rich.spinner import Spinner

        # rich asks of its file no more than Paper has: write, flush, encoding.
        console = RichConsole(file=cast(IO[str], self._paper), force_terminal=True)
        spinner = Spinner("line" if console.options.ascii_only else "dots")
        # Log lines that go to the same terminal are to appear above the bar, not in it.
        shares_terminal = sys.stderr is not None and sys.stderr.isatty()
        with self._drawing:
            if self._stopping.is_set():
                return
            with Live(
                console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=shares_terminal
            ) as live:
                while True:
                    live.update(self._frame(spinner), refresh=True)
                    if self._stopping.wait(REFRESH_SECONDS):
                        break
                live.update(self._frame(spinner), refresh=True)

    def _frame(self, spinner: "Spinner") -> "RenderableType":
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        health, began = self._shown
        percent = _percent(health)
        bar = ProgressBar(1.0, health.fraction or 0.0, width=BAR_WIDTH, pulse=percent is None)
        row = Table.grid(padding=(0, 1))
        row.add_row(
            Text(" ") if health.phase in (Phase.READY, Phase.FAILED) else spinner,
            Text(health.phase.value.ljust(PHASE_WIDTH), style="bold"),
            bar,
            Text("" if percent is None else f"{percent} %"),
            Text(f"{self._clock() - began:.0f} s"),
        )
        return row


class Paper:
    """A text stream that takes everything: characters its encoding lacks, and writes after its reader has gone."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.encoding: str = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write what can be written of `text`."""
        if self._stream is not None:
            try:
                self._stream.write(text.encode(self.encoding, "replace").decode(self.encoding))
            except (OSError, ValueError):
                self._give_up(self._stream)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._give_up(self._stream)

    def _give_up(self, stream: TextIO) -> None:
        self._stream = None
        # What is still buffered would fail again when the interpreter ends, and turn exit code 0 into 120. The remedy
        # is that of the note on SIGPIPE in the documentation of Python's signal module.
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            pass  # closed, or no file of the system


def curl(address: str, model: str, task: Task = "generate") -> str:
    """A command to paste: one chat completion, or embedding, of `model` from the service at `address`."""
    # An address that means "every interface" can be listened on, but is not portable to connect to.
    target = address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    path, body = (
        "chat/completions",
        {"model": model, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0},
    )
    if task == "embed":
        path, body = "embeddings", {"model": model, "input": QUESTION}
    return (
        f"curl {shlex.quote(f'{target}/v1/{path}')} "
        f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"
    )


def _parallelism(info: EngineInfo) -> str:
    text = f"TP {info.tensor_parallel_size} x PP {info.pipeline_parallel_size}"
    return f"{text} x DP {info.data_parallel_size}" if info.data_parallel_size > 1 else text


def _percent(health: Health) -> int | None:
    return None if health.fraction is None else int(health.fraction * 100 + 1e-6)


def _printable(text: str) -> str:
    """The text on one line, without anything that would steer a terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
