"""What an engine leaves behind is removed, now or by whoever comes next; what belongs to the living is not touched."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.engine.runtime_directory import RuntimeDirectory, abandoned
from tests.engine.engine_owner import EngineOwner, clear_abandoned


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Callable[..., EngineOwner]]:
    """Starts owners of engines, and sees to it that nothing of them is left."""
    owners: list[EngineOwner] = []

    def start(*arguments: str) -> EngineOwner:
        owners.append(EngineOwner.start(tmp_path, *arguments))
        return owners[-1]

    yield start
    for each in owners:
        each.kill()
    clear_abandoned(tmp_path)
    assert [each.leftovers() for each in owners] == [[] for _ in owners]


def test_a_guardian_removes_all_within_five_seconds_of_its_gateway_being_killed(
    owner: Callable[..., EngineOwner],
) -> None:
    gateway = owner("--guardian")
    for pid in gateway.pids:
        os.kill(pid, signal.SIGSTOP)
    gateway.kill()
    deadline = time.monotonic() + 5
    while gateway.leftovers():
        assert time.monotonic() < deadline, gateway.leftovers()
        time.sleep(0.02)


def test_what_an_owner_left_that_no_longer_lives_is_removed(owner: Callable[..., EngineOwner], tmp_path: Path) -> None:
    dead = owner()
    dead.kill()
    assert len(dead.leftovers()) == 5
    assert clear_abandoned(tmp_path) == [dead.folder]
    assert dead.leftovers() == []


def test_shared_memory_is_removed_even_if_all_processes_are_gone(
    owner: Callable[..., EngineOwner], tmp_path: Path
) -> None:
    dead = owner()
    dead.kill()
    for pid in dead.pids:
        os.kill(pid, signal.SIGKILL)
    assert all(path.exists() for path in dead.memory)
    clear_abandoned(tmp_path)
    assert dead.leftovers() == []


def test_a_living_neighbour_is_not_touched(owner: Callable[..., EngineOwner], tmp_path: Path) -> None:
    neighbour, dead = owner(), owner()
    dead.kill()
    assert clear_abandoned(tmp_path) == [dead.folder]
    assert len(neighbour.leftovers()) == 5


def test_folders_that_only_look_like_ours_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "tidegate-notes").mkdir()
    (tmp_path / "tidegate-file").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "owner").touch()
    (tmp_path / "tidegate-link").symlink_to(elsewhere)
    assert clear_abandoned(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "elsewhere",
        "tidegate-file",
        "tidegate-link",
        "tidegate-notes",
    ]


def test_a_cleared_folder_is_gone_with_its_files_and_its_descriptor(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    directory = RuntimeDirectory.create(tmp_path)
    (directory.path / "engine.sock").touch()
    assert directory.clear(5) == []
    assert directory.clear(5) == []
    directory.note_segments()
    assert list(tmp_path.iterdir()) == [] and len(os.listdir("/proc/self/fd")) == before


def test_a_folder_that_cannot_be_removed_now_is_left_to_the_next_start(tmp_path: Path) -> None:
    directory = RuntimeDirectory.create(tmp_path)
    mine = EngineOwner.start(tmp_path)
    assert list(abandoned(tmp_path)) == []
    directory.release()
    directory.release()
    assert directory.clear(5) == [] and directory.path.exists()
    assert clear_abandoned(tmp_path) == [directory.path]
    mine.kill()
    assert clear_abandoned(tmp_path) == [mine.folder]
