"""How the YAML file is read, and what is said when it cannot be."""

from pathlib import Path

import pytest

from service.errors import ConfigurationError
from tests.settings.loading import load


@pytest.mark.parametrize("text", ["", "# nothing\n", "server:\n  # port: 1\n", "server: {}", "\ufeffserver: {}"])
def test_a_file_that_says_nothing_changes_nothing(tmp_path: Path, text: str) -> None:
    assert load(file=tmp_path / "t.yaml", text=text) == load()


def test_a_single_name_stands_for_a_list_of_one(tmp_path: Path) -> None:
    loaded = load(file=tmp_path / "t.yaml", text="engine: {served_model_name: small}")
    assert loaded.settings.engine.served_model_name == ["small"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server: {port: 1, port: 2}", "'port' is given twice (line 1)"),
        ("server: {port: 1}\nserver: {port: 2}", "'server' is given twice (line 2)"),
        ("- 1", "must be a mapping"),
        ("server: 3", "must be a mapping"),
        ("server: [", "(line 1, column 10)"),
        ("engine: {hf_overrides: !!binary aGk=}", "cannot be read"),
        ("engine: {seed: 0b_}", "malformed"),
        ("engine: {? [a] : b}", "unhashable key"),
        ("a: \x00", "characters that YAML does not allow"),
        ("a: " + "[" * 3000, "nested too deeply"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_in_one_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(file=tmp_path / "t.yaml", text=text)
    assert expected in refused.value.message
    assert str(tmp_path / "t.yaml") in refused.value.message
    assert "\n" not in refused.value.message


def test_a_file_that_cannot_be_opened_is_named_with_the_reason(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigurationError, match=f"{path} cannot be read: {reason}"):
            load("--config", str(path))


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_bytes("tracing: {service_name: M\u00fche}".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="it is not UTF-8"):
        load(file=tmp_path / "t.yaml")
