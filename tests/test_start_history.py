"""What is remembered of the last start."""

from pathlib import Path

from service.settings import EngineSettings
from service.start_history import StartHistory


def test_a_start_is_remembered_for_the_same_settings_only(tmp_path: Path) -> None:
    StartHistory(tmp_path / "new", EngineSettings()).record(31.5)
    assert StartHistory(tmp_path / "new", EngineSettings()).expected_seconds() == 31.5
    other = EngineSettings(tensor_parallel_size=3)
    assert StartHistory(tmp_path / "new", other).expected_seconds() is None


def test_a_damaged_file_means_not_known(tmp_path: Path) -> None:
    (tmp_path / "start-times.json").write_text("{")
    history = StartHistory(tmp_path, EngineSettings())
    assert history.expected_seconds() is None
    history.record(2.0)
    assert history.expected_seconds() == 2.0
