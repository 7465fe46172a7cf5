"""What a person sees on the terminal."""

import io
import json
import shlex
import subprocess
import sys
import threading
from typing import cast

import msgspec
import pytest

from service.console import Console, curl
from service.engine.base import Health, Phase
from service.engine.info import EngineInfo

ADDRESS = "http://127.0.0.1:8000"
INFO = EngineInfo(
    model="smollm2-135m-instruct",
    served_model_names=("smollm2-135m-instruct", "default"),
    max_model_len=8192,
    vocab_size=49152,
    kv_cache_tokens=123_456,
    max_concurrency=15.07,
    max_num_seqs=256,
    tensor_parallel_size=3,
    pipeline_parallel_size=2,
    data_parallel_size=1,
    version="vllm 0.32.0",
)


class Terminal(io.StringIO):
    """Keeps what is written and tells when the live bar has drawn its first frame."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding
        self.drawn = threading.Event()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # writable in typeshed, read-only in io.StringIO
        return self._encoding

    def write(self, text: str) -> int:
        text.encode(self._encoding)
        if " s" in text:
            self.drawn.set()
        return super().write(text)


def plain(stream: io.StringIO | None = None) -> tuple[Console, io.StringIO]:
    stream = stream if stream is not None else io.StringIO()
    return Console(stream, False), stream


def test_without_a_terminal_each_phase_is_one_line() -> None:
    console, out = plain()
    for seconds, phase in enumerate((Phase.IMPORTING, Phase.IMPORTING, Phase.LOADING_WEIGHTS, Phase.WARMING_UP)):
        console.progress(Health(phase), seconds)
    assert out.getvalue().splitlines() == ["importing, 0 s", "loading weights, 2 s", "warming up, 3 s"]


def test_without_a_terminal_a_fraction_is_told_every_ten_per_cent() -> None:
    console, out = plain()
    for percent in range(101):
        console.progress(Health(Phase.LOADING_WEIGHTS, percent / 100), 1.0)
    told = [f"loading weights {percent} %, 1 s" for percent in range(0, 101, 10)]
    assert out.getvalue().splitlines() == told


def test_ready_tells_what_is_served_where() -> None:
    console, out = plain()
    console.ready(INFO, ADDRESS, "http://127.0.0.1:9000")
    text = out.getvalue()
    for part in (
        ADDRESS,
        "smollm2-135m-instruct",
        "vllm 0.32.0",
        "TP 3 x PP 2",
        "123,456 tokens",
        "15.1",
        "8,192",
        ":9000",
    ):
        assert part in text
    assert "DP" not in text
    assert "TP 3 x PP 2 x DP 4" in _ready_text(data_parallel_size=4)


def _ready_text(**changes: object) -> str:
    console, out = plain()
    console.ready(msgspec.structs.replace(INFO, **changes), ADDRESS, None)
    return out.getvalue()


def test_curl_line_asks_the_served_name_at_the_address() -> None:
    (line,) = [line for line in _ready_text().splitlines() if line.startswith("curl ")]
    words = shlex.split(line)
    assert words[1] == f"{ADDRESS}/v1/chat/completions"
    assert json.loads(words[words.index("-d") + 1]) == {
        "model": "smollm2-135m-instruct",
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
        "temperature": 0,
    }


def test_curl_line_survives_the_shell_with_any_model_name() -> None:
    name = 'it\'s $(rm) "quoted" é'
    words = shlex.split(curl(ADDRESS, name))
    assert json.loads(words[words.index("-d") + 1])["model"] == name


def test_curl_line_asks_an_engine_of_embeddings_for_one() -> None:
    words = shlex.split(curl(ADDRESS, "m", "embed"))
    assert words[1] == f"{ADDRESS}/v1/embeddings"
    assert json.loads(words[words.index("-d") + 1]).keys() == {"model", "input"}


def test_curl_line_names_an_address_that_can_be_connected_to() -> None:
    assert "http://127.0.0.1:8000/v1" in curl("http://0.0.0.0:8000", "m")
    assert "'http://[::1]:8000/v1" in curl("http://[::]:8000", "m")


def test_failure_is_one_paragraph_without_control_characters() -> None:
    console, out = plain()
    console.failed("No such model:\n\x1b[31m/models/x\x07 has no config.json. " + "Choose another. " * 20)
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("Tidegate stopped: No such model: [31m/models/x has no config.json.")
    assert all(0 < len(line) <= 100 and line.isprintable() for line in lines)


@pytest.mark.parametrize(("count", "says"), [(0, "Stopping."), (1, "1 request in flight"), (3, "3 requests in flight")])
def test_draining_says_what_is_waited_for(count: int, says: str) -> None:
    console, out = plain()
    console.draining(count)
    assert says in out.getvalue()


def test_on_a_terminal_the_bar_ends_ready_before_the_summary() -> None:
    out = Terminal()
    console = Console(out, True, clock=lambda: 100.0)
    console.progress(Health(Phase.LOADING_WEIGHTS, 0.45), 12.4)
    assert out.drawn.wait(10)
    console.ready(INFO, ADDRESS, None)
    text = out.getvalue()
    first, last = text.index("loading weights"), text.index("Tidegate is ready")
    assert "45 %" in text[first:last]
    assert "12 s" in text[first:last]
    assert "100 %" in text[first:last]
    assert text.index("\x1b[?25h") < last  # the cursor is back


def test_bar_is_not_drawn_after_the_end() -> None:
    out = Terminal()
    console = Console(out, True)
    console.progress(Health(Phase.IMPORTING), 0.0)
    console.failed("broken")
    ended = out.getvalue()
    console.progress(Health(Phase.FAILED), 1.0)
    for thread in threading.enumerate():
        if thread.name == "tidegate-console":
            thread.join(10)
    assert out.getvalue() == ended


@pytest.mark.parametrize("is_tty", [True, False])
def test_terminal_of_another_encoding_gets_replacements(is_tty: bool) -> None:
    out = Terminal("ascii")
    console = Console(out, is_tty)
    console.progress(Health(Phase.COMPILING), 1.0)
    assert not is_tty or out.drawn.wait(10)
    console.ready(msgspec.structs.replace(INFO, model="modèle"), ADDRESS, None)
    assert "mod?le" in out.getvalue()


@pytest.mark.parametrize("is_tty", [True, False])
def test_closed_or_missing_output_is_ignored(is_tty: bool) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (closed, None):
        console = Console(cast(io.StringIO, stream), is_tty)
        console.progress(Health(Phase.IMPORTING), 0.0)
        console.ready(INFO, ADDRESS, None)
        console.draining(2)
        console.failed("gone")


SCRIPT = """
import sys
from service.console import Console
sys.stdin.readline()
console = Console(sys.stdout, False)
for _ in range(3):
    console.draining(1)
"""


def test_reader_that_goes_away_leaves_the_exit_code_alone() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(b"\n", timeout=15)
    assert (process.returncode, errors) == (0, b"")


def test_importing_the_console_does_not_import_rich() -> None:
    code = "import sys, service.console; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=15, check=False).returncode == 0
