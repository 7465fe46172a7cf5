"""A folder is there whole or not at all."""

import threading
from pathlib import Path

import pytest

from service.models.atomic_folder import build_once


def write_two_files(folder: Path) -> None:
    (folder / "a").write_text("1")
    (folder / "b").write_text("2")


def test_a_built_folder_is_whole_and_leaves_no_unfinished_one(tmp_path: Path) -> None:
    build_once(tmp_path / "cache" / "model", write_two_files)
    assert {file.name for file in (tmp_path / "cache" / "model").iterdir()} == {"a", "b"}
    assert {file.name for file in (tmp_path / "cache").iterdir()} == {"model", "model.lock"}


def test_a_folder_that_is_there_is_not_built_again(tmp_path: Path) -> None:
    build_once(tmp_path / "model", write_two_files)
    build_once(tmp_path / "model", lambda folder: pytest.fail("built twice"))


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "a").write_text("1")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        build_once(tmp_path / "model", fail)
    assert {file.name for file in tmp_path.iterdir()} == {"model.lock"}


def test_what_a_killed_build_left_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "model.unfinished").mkdir()
    (tmp_path / "model.unfinished" / "half").write_text("")
    build_once(tmp_path / "model", write_two_files)
    assert {file.name for file in (tmp_path / "model").iterdir()} == {"a", "b"}


def test_of_two_at_once_one_builds_and_the_other_waits(tmp_path: Path) -> None:
    building, proceed, builds = threading.Event(), threading.Event(), []

    def slowly(folder: Path) -> None:
        builds.append(folder)
        building.set()
        proceed.wait(10)

    first = threading.Thread(target=build_once, args=(tmp_path / "model", slowly))
    second = threading.Thread(target=build_once, args=(tmp_path / "model", slowly))
    first.start()
    assert building.wait(10)
    second.start()
    proceed.set()
    first.join(10)
    second.join(10)
    assert len(builds) == 1


def test_files_are_readable_by_others(tmp_path: Path) -> None:
    def privately(folder: Path) -> None:
        (folder / "a").touch(mode=0o600)

    build_once(tmp_path / "model", privately)
    assert (tmp_path / "model" / "a").stat().st_mode & 0o777 == 0o644
