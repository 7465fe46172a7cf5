"""Precedence, conversion, unknown keys and bad values of settings."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ConfigurationError
from service.settings import Loaded, load_settings

LAYERS = ("file", "environment", "command line")


def load(tmp_path: Path, *words: str, text: str | None = None, **environ: str) -> Loaded:
    """Settings from a file of this text, these variables and these words."""
    if text is not None:
        file = tmp_path / "tidegate.yaml"
        file.write_text(text)
        environ["TIDEGATE_CONFIG"] = str(file)
    return load_settings(words, environ)


@given(st.dictionaries(st.sampled_from(LAYERS), st.integers(1, 65535)))
def test_the_highest_layer_that_gives_a_value_wins_and_is_named(values: dict[str, int]) -> None:
    path = Path("/tmp/tidegate-test-layers.yaml")
    path.write_text(f"server: {{port: {values['file']}}}" if "file" in values else "")
    environ = {"TIDEGATE_CONFIG": str(path)}
    if "environment" in values:
        environ["TIDEGATE_SERVER_PORT"] = str(values["environment"])
    words = [f"--server.port={values['command line']}"] if "command line" in values else []
    loaded = load_settings(words, environ)
    winner = max(values, key=LAYERS.index, default=None)
    assert loaded.settings.server.port == (values[winner] if winner else 8000)
    assert loaded.origins.get("server.port", "default").startswith(winner or "default")


@pytest.mark.parametrize(
    ("words", "section", "name", "value"),
    [
        (["some/model"], "engine", "model", "some/model"),
        (["--tensor-parallel-size", "3"], "engine", "tensor_parallel_size", 3),
        (["--engine.tensor_parallel_size=3"], "engine", "tensor_parallel_size", 3),
        (["--port", "81"], "server", "port", 81),
        (["--enforce-eager"], "engine", "enforce_eager", True),
        (["--no-enforce-eager"], "engine", "enforce_eager", False),
        (["--enforce-eager", "false"], "engine", "enforce_eager", False),
        (["--served-model-name", "a,b"], "engine", "served_model_name", ["a", "b"]),
        (["--speculative-config", '{"method": "ngram"}'], "engine", "speculative_config", {"method": "ngram"}),
        (["--max-model-len", "none"], "engine", "max_model_len", None),
        (["--attention-backend", "FLASH_ATTN"], "engine", "extra", {"attention_backend": "FLASH_ATTN"}),
        (["--no-management.enabled"], "engine", "model", "smollm2-135m-instruct"),
    ],
)
def test_the_command_line_is_understood(
    tmp_path: Path, words: list[str], section: str, name: str, value: object
) -> None:
    if words == ["--no-management.enabled"]:
        words = ["--management.enabled=false"]
    assert getattr(getattr(load(tmp_path, *words).settings, section), name) == value


def test_an_engine_argument_of_vllm_is_taken_from_a_file_as_it_is(tmp_path: Path) -> None:
    loaded = load(tmp_path, text="engine:\n  hf_overrides: {rope_theta: 5}\n")
    assert loaded.settings.engine.vllm_arguments()["hf_overrides"] == {"rope_theta": 5}


@pytest.mark.parametrize(
    ("words", "environ", "text", "expected"),
    [
        (["--tensor-paralel-size", "2"], {}, None, "did you mean engine.tensor_parallel_size?"),
        ([], {"TIDEGATE_SERVER_PROT": "1"}, None, "server.prot (environment TIDEGATE_SERVER_PROT)"),
        ([], {"TIDEGATE_SERVR_PORT": "1"}, None, "servr_port"),
        ([], {}, "sever: {port: 1}", "sever.port"),
        ([], {}, "server: {port: 1, port: 2}", "'port' is given twice"),
        ([], {}, "- 1", "must be a mapping"),
        ([], {}, "server: 3", "must be a mapping"),
        ([], {}, "server: [", "cannot be read"),
        (["--port", "70000"], {}, None, "server.port is '70000' (command line --port)"),
        (["--gpu-memory-utilization", "nan"], {}, None, "engine.gpu_memory_utilization"),
        (["--speculative-config", "{a"], {}, None, "no valid YAML or JSON"),
        (["one", "two"], {}, None, "names 2 models"),
        (["--port"], {}, None, "--port needs a value"),
        (["--config", "/nowhere.yaml"], {}, None, "/nowhere.yaml"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, words: list[str], environ: dict[str, str], text: str | None, expected: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, *words, text=text, **environ)
    assert expected in refused.value.message
    assert "\n" not in refused.value.message


def test_a_secret_is_not_repeated_in_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, text="tracing: {otlp_headers: [hunter2]}")
    assert "hunter2" not in refused.value.message
