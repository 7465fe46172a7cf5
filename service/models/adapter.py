"""A LoRA adapter's folder in PEFT's format: what can be known of it without loading it.

Two files: `adapter_config.json` and `adapter_model.safetensors`. Weights as a pickle are refused, for unpickling runs
code. Knows neither the settings nor vLLM; its errors are the second half of a sentence, which callers begin.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from service.models.safetensors_header import Tensor, read_header

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"
FILES: Final = (CONFIG, WEIGHTS)
PICKLES: Final = ("adapter_model.bin", "adapter_model.pt")

_FACTOR: Final = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<factor>[AB])\.weight")
_LAYER: Final = re.compile(r"(?:base_model\.model\.)?(?P<stack>.+?\.)(?P<number>\d+)\.")
"""The first numbered part of a name: "model.layers." and 12."""
_UNPACKED: Final = frozenset({"BF16", "F16", "F32", "F64", "F8_E4M3", "F8_E5M2"})
"""Types in which a base model's weight has the shape of the layer; others may be packed by a quantisation."""


class AdapterError(Exception):
    """The folder is no adapter that can be served. Reads on after "ADAPTER is FOLDER, "."""


class _Config(msgspec.Struct, frozen=True):
    r: int
    lora_alpha: float
    rank_pattern: dict[str, int] | None = None
    bias: str = "none"
    # What of PEFT vLLM does not implement, each off unless it is anything but false, null or empty.
    use_dora: Any = None
    use_qalora: Any = None
    use_bdlora: Any = None
    lora_bias: Any = None
    alora_invocation_tokens: Any = None
    layer_replication: Any = None

    @property
    def unserved(self) -> str | None:
        """The first option that vLLM would refuse when it loads the adapter."""
        names = ("use_dora", "use_qalora", "use_bdlora", "lora_bias", "alora_invocation_tokens", "layer_replication")
        return "bias" if self.bias != "none" else next((name for name in names if getattr(self, name)), None)


@dataclass(frozen=True, slots=True)
class AdapterFolder:
    """One adapter on disk. `rank` is the greatest of its modules'."""

    path: Path
    rank: int
    tensors: Mapping[str, Tensor]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `AdapterError`. Reads the configuration and the header of the weights: milliseconds."""
        if not path.is_dir():
            raise AdapterError("which is no folder; give the folder of an adapter")
        if not (path / CONFIG).is_file():
            raise AdapterError(f"a folder without an {CONFIG}; give the folder that PEFT's save_pretrained wrote")
        if not (path / WEIGHTS).is_file():
            pickles = [name for name in PICKLES if (path / name).exists()]
            found = f"but {pickles[0]}, a pickle that could run code" if pickles else "as PEFT writes it"
            raise AdapterError(f"a folder without an {WEIGHTS}, {found}; save it with safe_serialization=True")
        rank = _read_rank(path / CONFIG)
        try:
            tensors = read_header(path / WEIGHTS)
        except (OSError, ValueError) as error:
            raise AdapterError(f"but its {WEIGHTS} is damaged: {error}; copy it again") from error
        if not tensors:
            raise AdapterError(f"but its {WEIGHTS} holds no tensor; save the adapter again")
        return cls(path, rank, tensors)

    def check_fits(self, base: Mapping[str, Tensor]) -> None:
        """Raise `AdapterError` for factors that do not fit each other or the base model's weights.

        A factor too small for its layer would load: vLLM copies it into a corner. So would those of layers that the
        model does not have: vLLM leaves them out. Layers whose weights `base` does not know under the adapter's name,
        or has packed, are left to vLLM.
        """
        self._check_pairs()
        self._check_layers(base)
        for name, tensor in self.tensors.items():
            if (found := _FACTOR.fullmatch(name)) is None:
                continue
            layer = base.get(f"{found['module']}.weight")
            if layer is None or layer.dtype not in _UNPACKED or len(layer.shape) != 2:
                continue
            size_out, size_in = layer.shape
            side = (1, size_in) if found["factor"] == "A" else (0, size_out)
            if len(tensor.shape) != 2 or tensor.shape[side[0]] != side[1]:
                raise AdapterError(
                    f"but its {name} has shape {list(tensor.shape)}, which does not fit the model's layer of "
                    f"{size_in} inputs and {size_out} outputs; it was made for another model"
                )

    def _check_pairs(self) -> None:
        for name, down in self.tensors.items():
            if (found := _FACTOR.fullmatch(name)) is None or found["factor"] == "B" or ".experts" in name:
                continue  # factors of several experts may be stacked, and are vLLM's business
            up = self.tensors.get(name.replace(".lora_A.", ".lora_B."))
            if up is None or len(down.shape) != 2 or len(up.shape) != 2:
                continue
            if down.shape[0] != up.shape[1] or down.shape[0] > self.rank:
                raise AdapterError(
                    f"but its factors of {found['module']} have shapes {list(down.shape)} and {list(up.shape)}, which "
                    f"do not make an adapter of rank {self.rank}; save it again"
                )

    def _check_layers(self, base: Mapping[str, Tensor]) -> None:
        layers = {(at["stack"], at["number"]) for name in base if (at := _LAYER.match(name))}
        stacks = {stack for stack, _ in layers}
        for name in self.tensors:
            at = _LAYER.match(name)
            if at is not None and at["stack"] in stacks and (at["stack"], at["number"]) not in layers:
                raise AdapterError(
                    f"but its {name} belongs to a layer that the model does not have; it was made for another model"
                )


def read_base(model: Path) -> dict[str, Tensor]:
    """The weights of a model's folder, by name; empty where they are not safetensors. Raises `AdapterError`."""
    tensors: dict[str, Tensor] = {}
    try:
        for file in sorted(model.glob("*.safetensors")):
            tensors |= read_header(file)
    except (OSError, ValueError) as error:
        raise AdapterError(f"but the model's own weights cannot be read: {error}") from error
    return tensors


def _read_rank(file: Path) -> int:
    try:
        config = msgspec.json.decode(file.read_bytes(), type=_Config)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AdapterError(f"but its {CONFIG} cannot be read: {error}; save the adapter again") from error
    if config.unserved is not None:
        raise AdapterError(f"but its {CONFIG} asks for {config.unserved}, which vLLM does not serve; train it without")
    ranks = [config.r, *(config.rank_pattern or {}).values()]
    if min(ranks) < 1:
        raise AdapterError(f"but its {CONFIG} states rank {min(ranks)}; a rank is at least 1")
    return max(ranks)
