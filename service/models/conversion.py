"""From the bundled GGUF file to a checkpoint folder in the layout that vLLM and transformers read.

Written for this one model, a Llama with a byte-level BPE. transformers' own GGUF loader gives the same weights, bit for
bit, but takes four times as long, and loses the part of the tokenizer that takes numbers apart into digits.

Imported only to convert: gguf, numpy and tokenizers take a second to import.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gguf import GGUFReader

from service.models.tokenizer import write_tokenizer
from service.models.weights import write_weights

READ: Final = 0.5
"""The part of the time that goes into reading the GGUF file's 98,000 tokens and merges, all in one call."""


def convert(source: Path, folder: Path, report: Callable[[float], None]) -> None:
    """Fill the empty `folder` from the GGUF file `source`; `report` hears the fraction done."""
    report(0.02)
    reader = GGUFReader(source)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    report(READ)
    write_weights(
        reader.tensors,
        heads=fields["llama.attention.head_count"],
        kv_heads=fields["llama.attention.head_count_kv"],
        file=folder / "model.safetensors",
        report=lambda done: report(READ + (0.95 - READ) * done),
    )
    write_tokenizer(fields, folder)
    _write_json(folder / "config.json", _config(fields))
    _write_json(folder / "generation_config.json", _special_tokens(fields))
    report(1.0)


def _config(fields: dict[str, Any]) -> dict[str, Any]:
    heads, width = fields["llama.attention.head_count"], fields["llama.embedding_length"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "bfloat16",
        "vocab_size": fields["llama.vocab_size"],
        "hidden_size": width,
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": fields["llama.attention.head_count_kv"],
        "head_dim": width // heads,
        "max_position_embeddings": fields["llama.context_length"],
        "rope_parameters": {"rope_type": "default", "rope_theta": fields["llama.rope.freq_base"]},
        # GGUF keeps 1e-05 in single precision, as 9.999999747378752e-06.
        "rms_norm_eps": float(f"{fields['llama.attention.layer_norm_rms_epsilon']:.6g}"),
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        # There is no tensor `output.weight` in the file.
        "tie_word_embeddings": True,
        **_special_tokens(fields),
    }


def _special_tokens(fields: dict[str, Any]) -> dict[str, int]:
    return {
        "bos_token_id": fields["tokenizer.ggml.bos_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "pad_token_id": fields["tokenizer.ggml.padding_token_id"],
    }


def _write_json(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
