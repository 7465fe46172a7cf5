"""`tidegate config`: every setting, its origin, and no secret."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from service.settings import Loaded, describe
from service.settings.tree import EngineSettings, Settings, SimulationSettings
from tests.settings.loading import load

SECRETS = {
    "TIDEGATE_ENGINE_HF_TOKEN": "hunter2",
    "TIDEGATE_TRACING_OTLP_HEADERS": "x=hunter2",
    "TIDEGATE_MANAGEMENT_TOKEN": "hunter2" * 3,
}


def test_each_value_names_its_origin() -> None:
    text = describe(load("--enable-lora", environ={"TIDEGATE_SERVER_PORT": "81"}))
    assert "  port: 81  # environment TIDEGATE_SERVER_PORT\n" in text
    assert "  host: 127.0.0.1  # default\n" in text
    assert "  enable_lora: true  # command line --enable-lora\n" in text


def test_secrets_are_masked_at_any_depth() -> None:
    overrides = '{"api_key": "hunter2", "a": [{"token": "hunter2"}]}'
    text = describe(
        load("--hf-overrides", overrides, "--speculative-config", '{"headers": "hunter2"}', environ=SECRETS)
    )
    assert "hunter2" not in text
    assert 'hf_token: "********"' in text
    assert text.count("********") == 6


def test_what_only_sounds_like_a_secret_is_shown() -> None:
    words = ["--tokenizer-mode", "slow", "--max-num-queued-tokens", "5"]
    text = describe(load(*words, "--speculative-config", '{"num_speculative_tokens": 3}'))
    assert "********" not in text


def test_the_report_fed_back_as_a_file_gives_the_same_settings(tmp_path: Path) -> None:
    words = ["--model", "a: b # c", "--hf-overrides", '{"rope": "1e3", "n": [1, 2]}', "--tokenizer-revision", "0123"]
    loaded = load(*words, environ={"TIDEGATE_SERVER_PORT": "81"})
    again = load(file=tmp_path / "again.yaml", text=describe(loaded))
    assert again.settings == loaded.settings
    assert again.origins["engine.hf_overrides"] == f"file {tmp_path / 'again.yaml'}"
    assert yaml.safe_load(describe(loaded))["engine"]["model"] == "a: b # c"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "yes", "1", "~", ""]), inner),
    max_leaves=6,
)


@settings(deadline=None)  # a busy machine is no failure
@given(text=st.text(min_size=1), value=PLAIN)
def test_any_text_and_any_further_argument_survive_the_report(
    tmp_path_factory: pytest.TempPathFactory, text: str, value: Any
) -> None:
    simulation, engine = SimulationSettings(text=text), EngineSettings(model=text, extra={"hf_overrides": value})
    given_settings = Settings(engine=engine, simulation=simulation)
    origins = {**load().origins, "engine.hf_overrides": "command line --hf-overrides"}
    file = tmp_path_factory.getbasetemp() / "report.yaml"
    assert load(file=file, text=describe(Loaded(given_settings, origins))).settings == given_settings
