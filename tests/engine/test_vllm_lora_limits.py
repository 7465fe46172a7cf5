"""vLLM's LoRA arguments follow from the adapters."""

from pathlib import Path

import pytest

from service.engine.vllm_environment import derived_arguments
from service.models.adapter import AdapterFolder
from service.settings import EngineSettings


def arguments(engine: EngineSettings, *ranks: int) -> dict[str, object]:
    """What vLLM is given about LoRA."""
    folders = [AdapterFolder(Path(), rank, {}) for rank in ranks]
    given = derived_arguments(engine, "cuda", "m", folders)
    return {name: value for name, value in given.items() if "lora" in name}


def test_without_adapters_lora_stays_off() -> None:
    assert arguments(EngineSettings()) == {}


@pytest.mark.parametrize(("ranks", "limit"), [((1,), 1), ((4,), 8), ((8, 33), 64), ((512,), 512)])
def test_the_rank_limit_is_the_least_that_fits(ranks: tuple[int, ...], limit: int) -> None:
    engine = EngineSettings(lora_adapters={str(rank): "x" for rank in ranks})
    assert arguments(engine, *ranks)["max_lora_rank"] == limit


def test_every_adapter_has_its_room_and_four_a_batch() -> None:
    given = arguments(EngineSettings(lora_adapters=dict.fromkeys("abcdef", "x")), *[8] * 6)
    assert given == {"enable_lora": True, "max_lora_rank": 8, "max_cpu_loras": 6, "max_loras": 4}


def test_a_folder_for_run_time_makes_room() -> None:
    given = arguments(EngineSettings(lora_folder="/adapters"))
    assert given == {"enable_lora": True, "max_lora_rank": 16, "max_cpu_loras": 8, "max_loras": 4}


def test_what_was_given_stays() -> None:
    extra = {"max_lora_rank": 64, "max_loras": 2, "max_cpu_loras": 3}
    given = arguments(EngineSettings(lora_adapters={"a": "x"}, extra=extra), 8)
    assert given == {"enable_lora": True, **extra}
