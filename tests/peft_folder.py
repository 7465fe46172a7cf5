"""A LoRA adapter's folder as PEFT writes it, made by hand: random factors for the query and value projections."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.models import bundled

Factors = Mapping[str, NDArray[np.float32]]


def write_adapter(folder: Path, factors: Factors, *, rank: int, **config: object) -> Path:
    """Write both files. `factors` by the names that PEFT gives them."""
    folder.mkdir(parents=True, exist_ok=True)
    modules = sorted({name.split(".lora_")[0].rpartition(".")[2] for name in factors})
    settings = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": modules, **config}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    (folder / "adapter_model.safetensors").write_bytes(safetensors(factors))
    return folder


def safetensors(factors: Factors) -> bytes:
    """The bytes of a safetensors file."""
    places, begin = {}, 0
    for name, values in factors.items():
        end = begin + values.nbytes
        places[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [begin, end]}
        begin = end
    header = json.dumps(places).encode()
    return len(header).to_bytes(8, "little") + header + b"".join(each.tobytes() for each in factors.values())


def attention_factors(
    *, layers: int, hidden: int, projections: Mapping[str, int], rank: int, seed: int, scale: float = 0.05
) -> dict[str, NDArray[np.float32]]:
    """Random factors for attention projections, given with their output sizes."""
    random = np.random.default_rng(seed)
    factors = {}
    for layer in range(layers):
        for projection, size in projections.items():
            module = f"base_model.model.model.layers.{layer}.self_attn.{projection}"
            for factor, shape in (("A", (rank, hidden)), ("B", (size, rank))):
                values = random.normal(0.0, scale, shape).astype(np.float32)
                factors[f"{module}.lora_{factor}.weight"] = values
    return factors


def bundled_adapter(folder: Path, *, seed: int, scale: float = 0.2, **changes: int) -> Path:
    """A rank-8 adapter with the shapes of the bundled model, unless `changes` says otherwise."""
    config = json.loads((bundled.location(os.environ) / "config.json").read_text())
    head = config["hidden_size"] // config["num_attention_heads"]
    shapes = {"layers": config["num_hidden_layers"], "hidden": config["hidden_size"], **changes}
    projections = {"q_proj": config["hidden_size"], "v_proj": head * config["num_key_value_heads"]}
    factors = attention_factors(projections=projections, rank=8, seed=seed, scale=scale, **shapes)
    return write_adapter(folder, factors, rank=8)


def tiny_adapter(folder: Path, *, rank: int = 2, **config: object) -> Path:
    """An adapter of one layer with 6 inputs and 4 outputs."""
    factors = attention_factors(layers=1, hidden=6, projections={"q_proj": 4}, rank=rank, seed=1)
    return write_adapter(folder, factors, rank=rank, **config)
