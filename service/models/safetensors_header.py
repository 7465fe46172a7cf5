"""The header of a safetensors file: which tensors there are, of which type and shape. Reads no tensor.

The format: eight bytes with the length of a JSON header, the header with each tensor's place, the bytes
(https://github.com/huggingface/safetensors#format).
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

MAX_HEADER_BYTES: Final = 100_000_000
"""The cap of the safetensors library itself."""

_BITS: Final = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16}
_BITS.update({"BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "F4": 4})


class _Place(msgspec.Struct, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tensor:
    """What the header says of one tensor. `dtype` is the format's word, such as "BF16"."""

    dtype: str
    shape: tuple[int, ...]


def read_header(file: Path) -> dict[str, Tensor]:
    """All tensors by name. Raises `OSError`, and `ValueError` for a file that is damaged or no safetensors file."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if size < 8 or not 2 <= length <= min(size - 8, MAX_HEADER_BYTES):
            raise ValueError("its header is cut off")
        document = opened.read(length)
    try:
        entries = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
        entries.pop("__metadata__", None)
        places = {name: msgspec.json.decode(raw, type=_Place) for name, raw in entries.items()}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError("its header cannot be read") from error
    _check_places(places, size - 8 - length)
    return {name: Tensor(place.dtype, place.shape) for name, place in places.items()}


def _check_places(places: dict[str, _Place], data_bytes: int) -> None:
    """The tensors must fill the data one behind the other, each with as many bytes as its shape needs."""
    reached = 0
    for place in sorted(places.values(), key=lambda each: each.data_offsets):
        begin, end = place.data_offsets
        bits = _BITS.get(place.dtype)
        needed = None if bits is None else math.prod(place.shape) * bits // 8
        if begin != reached or end < begin or (needed is not None and end - begin != needed):
            raise ValueError("its tensors overlap or have gaps")
        reached = end
    if reached != data_bytes:
        raise ValueError(f"it holds {data_bytes} bytes of tensors where its header promises {reached}")
