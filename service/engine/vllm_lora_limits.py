"""vLLM's arguments for LoRA adapters: what the settings leave open follows from the adapters. Does not import vLLM."""

from collections.abc import Collection
from typing import Any, Final

from service.models.adapter import AdapterFolder
from service.settings import EngineSettings

RANKS: Final = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Values that vLLM allows for max_lora_rank."""

DEFAULT_RANK: Final = 16
"""vLLM's own max_lora_rank, for adapters that come at run time."""

ROOM: Final = 8
"""Adapters that may be loaded at run time beside those of the settings, where engine.max_cpu_loras is not given."""

MAX_LORAS: Final = 4
"""Adapters in one batch where engine.max_loras is not given; each reserves memory on the device."""


def lora_arguments(engine: EngineSettings, adapters: Collection[AdapterFolder]) -> dict[str, Any]:
    """Arguments for AsyncEngineArgs; empty where nothing about LoRA is set."""
    if not engine.lora_adapters and engine.lora_folder is None:
        return {}
    # vLLM reads an adapter that it has evicted again, in the middle of a step, and dies if the file is gone. With
    # room for all of them it evicts none.
    room = max(engine.extra.get("max_loras", 1), len(engine.lora_adapters) + (ROOM if engine.lora_folder else 0))
    capacity = engine.extra.get("max_cpu_loras", room)
    return {
        "enable_lora": True,
        "max_lora_rank": max_rank(engine, adapters),
        "max_cpu_loras": capacity,
        "max_loras": min(capacity, MAX_LORAS),
    }


def max_rank(engine: EngineSettings, adapters: Collection[AdapterFolder]) -> int:
    """The least rank that vLLM allows and that all adapters fit; at least vLLM's own where more may come."""
    needed = max((adapter.rank for adapter in adapters), default=DEFAULT_RANK)
    if engine.lora_folder is not None:
        needed = max(needed, DEFAULT_RANK)
    return next((rank for rank in RANKS if rank >= needed), RANKS[-1])
