"""LoRA settings that cannot work, found from the adapters' folders alone. Loads nothing."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from service.errors import ConfigurationError
from service.settings.tree import EngineSettings

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
"""What an adapter may be called: it stands in logs, metric labels and URLs."""

NAME_RULE: Final = "use 1 to 128 letters, digits and ._:/- (the first a letter or digit)"


def is_local(path: str) -> bool:
    """Whether it is a folder's path and not a hub id."""
    return path.startswith(("/", ".", "~")) or Path(path).expanduser().exists()


def check_names(engine: EngineSettings) -> None:
    """Raise `ConfigurationError` for names that no request could ask for, and for limits below their number."""
    taken = engine.served_model_name or [engine.model]
    for name in engine.lora_adapters:
        if not NAME.fullmatch(name):
            raise ConfigurationError(f"engine.lora_adapters names an adapter {name[:128]!a}; {NAME_RULE}")
        if name in taken:
            raise ConfigurationError(
                f"engine.lora_adapters names an adapter {name}, but the model itself is served under that name; "
                "rename the adapter, or the model with engine.served_model_name"
            )
    if engine.lora_adapters and engine.extra.get("enable_lora") is False:
        raise ConfigurationError("engine.enable_lora is false, but engine.lora_adapters names some; leave it out")
    for limit in ("max_loras", "max_cpu_loras", "max_lora_rank"):
        value = engine.extra.get(limit)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ConfigurationError(f"engine.{limit} is {value!a:.100}, but must be a whole number of at least 1")
    capacity = engine.extra.get("max_cpu_loras")
    if isinstance(capacity, int) and capacity < len(engine.lora_adapters):
        raise ConfigurationError(
            f"engine.max_cpu_loras is {capacity}, but engine.lora_adapters has {len(engine.lora_adapters)}; raise it"
        )
    if engine.lora_folder is not None and not Path(engine.lora_folder).expanduser().is_dir():
        raise ConfigurationError(f"engine.lora_folder is {engine.lora_folder}, which is no folder; make it first")


def check_ranks(engine: EngineSettings, ranks: Mapping[str, int], greatest: int) -> None:
    """Raise `ConfigurationError` for adapters above engine.max_lora_rank, or above vLLM's `greatest`."""
    given = engine.extra.get("max_lora_rank")
    limit = given if isinstance(given, int) else greatest
    for name, rank in ranks.items():
        if rank > limit:
            remedy = f"raise it to {rank} at least" if rank <= greatest else "train it with a lower rank"
            source = "engine.max_lora_rank is" if limit == given else "vLLM's limit is"
            raise ConfigurationError(f"engine.lora_adapters.{name} has rank {rank}, but {source} {limit}; {remedy}")
