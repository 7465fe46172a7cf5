"""The weights of a Llama in GGUF, unpacked to bf16 under transformers' names, in one safetensors file.

The file is written tensor by tensor, so that memory holds one of them at a time. The format is that of safetensors: the
length of a JSON header, the header with each tensor's place, the bytes (https://github.com/huggingface/safetensors).
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from gguf import ReaderTensor
from gguf.quants import dequantize
from numpy.typing import NDArray

BFLOAT16_BYTES: Final = 2
OUTSIDE_LAYERS: Final = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
INSIDE_LAYERS: Final = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def write_weights(
    tensors: Sequence[ReaderTensor], *, heads: int, kv_heads: int, file: Path, report: Callable[[float], None]
) -> None:
    """Write all tensors; `report` hears the fraction written. `heads` and `kv_heads` are the attention heads."""
    total = sum(int(tensor.n_elements) for tensor in tensors)
    written = 0
    with file.open("wb") as opened:
        opened.write(_header(tensors))
        for tensor in tensors:
            values = dequantize(tensor.data, tensor.tensor_type)
            if ".attn_q." in tensor.name:
                values = pair_halves(values, heads)
            elif ".attn_k." in tensor.name:
                values = pair_halves(values, kv_heads)
            opened.write(to_bfloat16(values).tobytes())
            written += values.size
            report(written / total)


def _header(tensors: Sequence[ReaderTensor]) -> bytes:
    places: dict[str, object] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for tensor in tensors:
        end = begin + int(tensor.n_elements) * BFLOAT16_BYTES
        # GGUF states the fastest dimension first.
        shape = [int(size) for size in reversed(tensor.shape)]
        places[transformers_name(tensor.name)] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
        begin = end
    header = json.dumps(places).encode()
    header += b" " * (-len(header) % 8)  # the bytes of the tensors begin aligned
    return len(header).to_bytes(8, "little") + header


def transformers_name(gguf_name: str) -> str:
    """`blk.7.attn_q.weight` -> `model.layers.7.self_attn.q_proj.weight`."""
    if gguf_name in OUTSIDE_LAYERS:
        return OUTSIDE_LAYERS[gguf_name]
    _, layer, kind, suffix = gguf_name.split(".")
    return f"model.layers.{layer}.{INSIDE_LAYERS[kind]}.{suffix}"


def pair_halves(values: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Undo the row order of GGUF's query and key weights.

    Rotary embedding turns pairs of dimensions. llama.cpp keeps the two of a pair side by side (0 1 | 2 3 | ...),
    transformers half a head apart (0 32 | 1 33 | ...); `convert_hf_to_gguf.py` of llama.cpp permutes, this reverses.
    """
    rows, columns = values.shape
    return values.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def to_bfloat16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The upper halves of IEEE single-precision numbers, rounded to nearest, ties to even. For finite numbers."""
    bits = np.ascontiguousarray(values, np.dtype("<f4")).view(np.uint32)
    rounded: NDArray[np.uint16] = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
    return rounded
