"""`tidegate config`: every setting, its origin, and no secret."""

from pathlib import Path

import yaml

from service.settings import describe, load_settings

ENVIRON = {"TIDEGATE_ENGINE_HF_TOKEN": "hunter2", "TIDEGATE_SERVER_PORT": "81"}
WORDS = ["--model", "a: b # c", "--hf-overrides", '{"api_key": "x", "n": [1, 2]}']


def test_each_value_names_its_origin() -> None:
    text = describe(load_settings(WORDS, ENVIRON))
    assert "  port: 81  # environment TIDEGATE_SERVER_PORT\n" in text
    assert "  host: 127.0.0.1  # default\n" in text


def test_secrets_are_masked() -> None:
    text = describe(load_settings(WORDS, ENVIRON))
    assert "hunter2" not in text
    assert 'hf_token: "********"' in text


def test_the_report_fed_back_as_a_file_gives_the_same_settings(tmp_path: Path) -> None:
    loaded = load_settings(WORDS, {"TIDEGATE_SERVER_PORT": "81"})
    file = tmp_path / "again.yaml"
    file.write_text(describe(loaded))
    assert load_settings(["--config", str(file)], {}).settings == loaded.settings
    assert yaml.safe_load(file.read_text())["engine"]["model"] == "a: b # c"
