"""Engine settings that cannot work, found from the model's config.json alone. Loads nothing, imports nothing heavy."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from service.errors import ConfigurationError
from service.settings.tree import BUNDLED_MODEL, EngineSettings

CONFIG_FILES: Final = ("config.json", "params.json")
"""What vLLM knows a model folder by; the second is Mistral's format."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What of a model decides whether it can be cut into parts. `source` names the model for people."""

    attention_heads: int
    hidden_layers: int
    max_position_embeddings: int | None
    source: str

    @classmethod
    def from_config(cls, path: Path) -> Self | None:
        """The shape that the config.json of a model folder states; None where it does not say."""
        try:
            # The standard library's parser: some models' files hold Infinity, which is no JSON.
            config = json.loads((path / "config.json").read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(config, dict):
            return None
        text = config.get("text_config")
        config = {**config, **text} if isinstance(text, dict) else config
        heads, layers = _size(config, "num_attention_heads"), _size(config, "num_hidden_layers")
        if heads is None or layers is None:
            return None
        # A scaled rotary embedding stretches the context beyond the figure, by rules of its own.
        context = None if _is_scaled(config) else _size(config, "max_position_embeddings")
        return cls(heads, layers, context, str(path))


def check(engine: EngineSettings, shape: ModelShape | None, devices: int | None) -> None:
    """Raise `ConfigurationError` for what cannot work. `devices` is None where the number does not matter (CPU)."""
    _check_folder(engine)
    if shape is not None:
        _check_parallelism(engine, shape)
        _check_context(engine, shape)
    if devices is not None and not _spans_machines(engine):
        _check_devices(engine, devices)


def _check_folder(engine: EngineSettings) -> None:
    model = engine.model
    path = os.path.expanduser(model)
    if model == BUNDLED_MODEL or not (model.startswith(("/", ".", "~")) or os.path.exists(path)):
        return
    if not os.path.isdir(path):
        raise ConfigurationError(f"engine.model is {model}, which is no folder; give a model folder or a hub id")
    if "hf_config_path" not in engine.extra and not any(Path(path, name).is_file() for name in CONFIG_FILES):
        raise ConfigurationError(f"engine.model is {model}, a folder without a config.json; give a model folder")


def _check_parallelism(engine: EngineSettings, shape: ModelShape) -> None:
    heads, tp = shape.attention_heads, engine.tensor_parallel_size
    if heads % tp:
        fitting = [str(size) for size in range(1, heads + 1) if heads % size == 0]
        raise ConfigurationError(
            f"engine.tensor_parallel_size is {tp}, but {shape.source} has {heads} attention heads, which {tp} does not "
            f"divide; use {_either(fitting)}"
        )
    if engine.pipeline_parallel_size > shape.hidden_layers:
        raise ConfigurationError(
            f"engine.pipeline_parallel_size is {engine.pipeline_parallel_size}, but {shape.source} has only "
            f"{shape.hidden_layers} layers; use at most {shape.hidden_layers}"
        )


def _check_context(engine: EngineSettings, shape: ModelShape) -> None:
    limit, wanted = shape.max_position_embeddings, engine.max_model_len
    if limit is not None and wanted is not None and wanted > limit and "hf_overrides" not in engine.extra:
        raise ConfigurationError(
            f"engine.max_model_len is {wanted}, but the context of {shape.source} is {limit} tokens; "
            f"use at most {limit}, or stretch it with engine.hf_overrides"
        )


def _check_devices(engine: EngineSettings, devices: int) -> None:
    tp, pp, dp = engine.tensor_parallel_size, engine.pipeline_parallel_size, engine.data_parallel_size
    if (world := tp * pp * dp) > devices:
        raise ConfigurationError(
            f"engine.tensor_parallel_size {tp} x engine.pipeline_parallel_size {pp} x engine.data_parallel_size {dp} "
            f"needs {world} devices, but this machine has {devices}; lower one of them"
        )


def _spans_machines(engine: EngineSettings) -> bool:
    """Whether devices of other machines take part, whose number nobody knows here."""
    backends = (engine.distributed_executor_backend, engine.extra.get("data_parallel_backend"))
    return "ray" in backends or "nnodes" in engine.extra or "data_parallel_size_local" in engine.extra


def _size(config: dict[str, Any], name: str) -> int | None:
    value = config.get(name)
    return value if isinstance(value, int) and value > 0 else None


def _is_scaled(config: dict[str, Any]) -> bool:
    """Whether rope_scaling (transformers 4) or rope_parameters (5, also per kind of layer) ask for anything special."""
    if config.get("rope_scaling"):
        return True
    parameters = config.get("rope_parameters")
    if not isinstance(parameters, dict):
        return False
    layers = [parameters, *(each for each in parameters.values() if isinstance(each, dict))]
    return any(each.get("rope_type", "default") != "default" for each in layers)


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
