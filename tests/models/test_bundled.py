"""The bundled model, converted for real: whole, right, and unharmed by a kill in the middle."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from service.errors import ConfigurationError
from service.models import bundled

WEIGHTS_SHA256 = "a0efc45b71d0592322e7ca97b04b681e59ac6b9d96cd7f1b4f60623ea7dd2b5b"
"""Of a file whose tensors are, bit for bit, those that transformers 5.19 unpacks from the same GGUF file."""


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    """The checkpoint in the user's cache folder; made if it is not there."""
    return bundled.prepare(lambda done: None)


def test_weights_are_those_that_transformers_unpacks(checkpoint: Path) -> None:
    with (checkpoint / "model.safetensors").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == WEIGHTS_SHA256


def test_config_states_the_shape_that_preflight_reckons_with(checkpoint: Path) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    assert config["num_attention_heads"] == bundled.SHAPE.attention_heads
    assert config["num_hidden_layers"] == bundled.SHAPE.hidden_layers
    assert config["max_position_embeddings"] == bundled.SHAPE.max_position_embeddings


def test_no_file_tells_where_it_was_made(checkpoint: Path) -> None:
    text = "".join(file.read_text() for file in checkpoint.glob("*config.json"))
    assert not {"_name_or_path", "is_local", "local_files_only", str(Path.home())} & set(text.replace('"', " ").split())
    assert json.loads((checkpoint / "tokenizer_config.json").read_text())["model_max_length"] == 8192


def test_every_digit_is_a_token_apart_from_the_space_before_it(checkpoint: Path) -> None:
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    assert tokenizer.encode("x  12").tokens == ["x", "ĠĠ", "1", "2"]
    assert tokenizer.decode(tokenizer.encode("Größe 2026 你好").ids) == "Größe 2026 你好"


def test_control_tokens_are_single_tokens(checkpoint: Path) -> None:
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    assert tokenizer.encode("<|im_start|>user\nhi<|im_end|>").ids == [1, 4093, 198, 6004, 2]


@pytest.mark.timeout(120)
def test_a_killed_conversion_leaves_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    environ = {**os.environ, "TIDEGATE_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "service.models"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "60 %" in line:
                child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert not bundled.location(environ).exists()

    fractions: list[float] = []
    checkpoint = bundled.prepare(fractions.append, environ)
    assert fractions == sorted(fractions)
    assert len(fractions) > 100
    assert fractions[-1] == 1.0
    assert [entry.name for entry in checkpoint.parent.iterdir() if entry.is_dir()] == [checkpoint.name]


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="TIDEGATE_CACHE_DIR"):
        bundled.prepare(lambda done: None, {"TIDEGATE_CACHE_DIR": str(tmp_path / "file")})


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"TIDEGATE_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/tidegate"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/c"}, "/c/.cache/tidegate"),
        ({"HOME": "/c"}, "/c/.cache/tidegate"),
    ],
)
def test_cache_folder_by_precedence(environ: dict[str, str], folder: str) -> None:
    assert bundled.cache_folder(environ) == Path(folder)
