"""Precedence and origins of settings, and what is said of unknown keys and bad values."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import ConfigurationError
from service.settings import load_settings
from tests.settings.loading import load

LAYERS = ("file", "environment", "command line")

LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "engine.max_model_len": st.integers(1, 10**6),
    "engine.gpu_memory_utilization": st.floats(0.01, 1),
    "engine.enforce_eager": st.booleans(),
    "engine.hf_overrides": st.dictionaries(st.sampled_from("abc"), st.integers()),
    "server.port": st.integers(0, 65535),
    "server.drain_timeout_seconds": st.floats(0, 1e6),
    "management.enabled": st.booleans(),
    "logging.level": st.sampled_from(["debug", "info", "warning", "error"]),
}


@st.composite
def layered(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A key, and the values that some of the layers give it."""
    key = draw(st.sampled_from(sorted(LEAVES)))
    return key, draw(st.dictionaries(st.sampled_from(LAYERS), LEAVES[key]))


@settings(deadline=None)  # a busy machine is no failure
@given(layered())
def test_the_highest_layer_that_gives_a_value_wins_and_is_named(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[str, dict[str, Any]]
) -> None:
    key, values = case
    section, _, name = key.partition(".")
    file = tmp_path_factory.getbasetemp() / "layers.yaml"
    texts = {layer: value if isinstance(value, str) else json.dumps(value) for layer, value in values.items()}
    variable, flag = f"TIDEGATE_{section}_{name}".upper(), f"--{section}.{name.replace('_', '-')}"
    environ = {variable: texts["environment"]} if "environment" in values else {}
    words = [f"{flag}={texts['command line']}"] if "command line" in values else []
    document = yaml.safe_dump({section: {name: values["file"]}}) if "file" in values else ""
    loaded = load(*words, file=file, text=document, environ=environ)
    winner = max(values, key=LAYERS.index, default="default")
    origins = {"file": f"file {file}", "environment": f"environment {variable}", "command line": f"command line {flag}"}
    assert loaded.origins.get(key, "default") == origins.get(winner, "default")
    if values:
        branch = loaded.settings.model_dump()[section]
        assert {**branch, **branch.get("extra", {})}[name] == values[winner]


def test_every_leaf_has_an_origin_and_untouched_ones_are_defaults() -> None:
    origins = load("--port", "1").origins
    assert origins["server.port"] == "command line --port"
    assert origins["engine.model"] == origins["tracing.otlp_headers"] == "default"
    assert "engine.extra" not in origins


def test_the_file_named_on_the_command_line_is_taken_before_the_one_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("server: {port: 1}")
    (tmp_path / "b.yaml").write_text("server: {port: 2}")
    loaded = load("-c", str(tmp_path / "a.yaml"), file=tmp_path / "b.yaml")
    assert loaded.settings.server.port == 1


def test_an_engine_argument_of_vllm_is_taken_from_a_file_as_it_is(tmp_path: Path) -> None:
    loaded = load(file=tmp_path / "t.yaml", text="engine:\n  hf_overrides: {rope_theta: 5}\n")
    assert loaded.settings.engine.vllm_arguments()["hf_overrides"] == {"rope_theta": 5}
    assert loaded.origins["engine.hf_overrides"].startswith("file ")


@pytest.mark.parametrize(
    ("words", "environ", "text", "expected"),
    [
        (["--tensor-paralel-size", "2"], {}, "", "did you mean engine.tensor_parallel_size?"),
        (["--enable-lor"], {}, "", "did you mean engine.enable_lora?"),
        (["--drain-timeout-seconds", "2"], {}, "", "did you mean server.drain_timeout_seconds?"),
        (["--service-name", "x"], {}, "", "did you mean tracing.service_name?"),
        (["--engine.extra", "{}"], {}, "", "engine.extra (command line --engine.extra) is not a setting"),
        ([], {"TIDEGATE_SERVER_PROT": "1"}, "", "server.prot (environment TIDEGATE_SERVER_PROT) is not a setting"),
        ([], {"TIDEGATE_SERVR_PORT": "1"}, "", "did you mean server.port?"),
        ([], {"TIDEGATE_PORT": "1"}, "", "did you mean server.port?"),
        ([], {}, "sever: {port: 1}", "did you mean server.port?"),
        ([], {}, "sever:", "sever (file "),
        ([], {}, "port: 1", "did you mean server.port?"),
        ([], {}, "server: {1: 2}", "server.1 (file "),
        (["--port", "70000"], {}, "", "'70000' (command line --port), but must be a whole number from 0 to 65535"),
        (["--max-num-seqs", "many"], {}, "", "engine.max_num_seqs is 'many'"),
        (["--gpu-memory-utilization", "nan"], {}, "", "must be a number above 0 and at most 1"),
        (["--logging.level", "loud"], {}, "", "must be one of debug, info, warning, error"),
        (["--body-timeout-seconds", "0", "--port", "1"], {}, "", "did you mean server.body_timeout_seconds?"),
        (["--server.body-timeout-seconds", "0"], {}, "", "must be a number above 0"),
        (["--seed", "-1"], {}, "", "must be a whole number from 0 to 4294967295"),
        ([], {"TIDEGATE_MANAGEMENT_ENABLED": "maybe"}, "", "must be true or false"),
        ([], {}, "engine: {tensor_parallel_size: true}", "is true (file "),
        ([], {}, "engine: {revision: 1234567}", "must be text that is not empty or null"),
        ([], {}, "server: {host: null}", "server.host is null (file "),
        (["--speculative-config", "{a"], {}, "", "no valid YAML or JSON"),
        (["--speculative-config", "ngram"], {}, "", "must be a mapping or null"),
        (["--management.token", "short"], {}, "", "must be a secret of 16 to 1024 visible ASCII characters or null"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, words: list[str], environ: dict[str, str], text: str, expected: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(*words, file=tmp_path / "t.yaml", text=text, environ=environ)
    assert expected in refused.value.message
    assert "\n" not in refused.value.message
    assert "pydantic" not in refused.value.message


def test_several_bad_values_are_all_named_in_one_line() -> None:
    with pytest.raises(ConfigurationError) as refused:
        load("--port", "x", "--speculative-config", "{", "--seed", "y")
    named = {part.split(" is ")[0] for part in refused.value.message.split("; ")}
    assert named == {"server.port", "engine.speculative_config", "engine.seed"}


def test_without_vllm_an_unknown_engine_key_says_that_it_is_not_installed() -> None:
    with pytest.raises(ConfigurationError, match="vLLM is not installed here, so only Tidegate's own keys are known"):
        load_settings(["--enable-lora"], {}, dict)


def test_vllm_is_not_looked_at_for_our_own_keys() -> None:
    def never() -> dict[str, str]:
        raise AssertionError("looked up")

    words = ["m", "--enforce-eager", "--no-enable-prefix-caching", "--speculative-config", "{}", "--port", "1"]
    assert load_settings(words, {"TIDEGATE_LOGGING_LEVEL": "debug"}, never).settings.server.port == 1


SECRET = "hunter2"  # the value that no message may repeat


@pytest.mark.parametrize(
    ("words", "environ", "text"),
    [
        ([], {}, f"tracing: {{otlp_headers: [{SECRET}]}}"),
        ([], {}, f'engine:\n  hf_token: "{SECRET}\n'),
        ([], {}, f"engine:\n  hf_token: *{SECRET}\n"),
        ([], {}, f"engine:\n  hf_token: !{SECRET} x\n"),
        ([], {}, f"engine: {{additional_config: {{api_key: {SECRET}}}, speculative_config: 3, seed: x}}"),
        ([], {}, f"engine: {{speculative_config: [{{password: {SECRET}}}]}}"),
        ([], {"TIDEGATE_ENGINE_ADDITIONAL_CONFIG": f'{{"api_key": "{SECRET}"'}, ""),
        (["--speculative-config", f'{{"token": "{SECRET}"'], {}, ""),
        (["--hf-tokn", SECRET], {}, ""),
        ([f"--hf-tokn={SECRET}"], {}, ""),
        (["--management.token", SECRET], {}, ""),
        ([], {"TIDEGATE_MANAGEMENT_TOKEN": f"{SECRET * 3}\n"}, ""),
        (["model", "--tracing.otlp-headers", "authorization=Bearer", SECRET], {}, ""),
    ],
)
def test_a_secret_is_not_repeated_in_an_error(
    tmp_path: Path, words: list[str], environ: dict[str, str], text: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(*words, file=tmp_path / "t.yaml", text=text, environ=environ)
    causes = [refused.value, refused.value.__cause__]
    assert not any(SECRET in str(each) for each in causes)
