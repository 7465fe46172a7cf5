"""The tokenizer of SmolLM2 (byte-level BPE, every digit a token of its own) out of the fields of its GGUF file."""

import json
import shutil
from pathlib import Path
from typing import Any, Final

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

CONTROL_TOKEN: Final = 3
"""`LLAMA_TOKEN_TYPE_CONTROL` of GGUF: never the result of tokenising plain text, skipped in output."""


CHAT_TEMPLATE: Final = Path(__file__).with_name("chat_template.jinja")
"""The model's own template, with tools."""


def write_tokenizer(fields: dict[str, Any], folder: Path) -> None:
    """Write tokenizer.json, tokenizer_config.json and chat_template.jinja."""
    build(fields).save(str(folder / "tokenizer.json"))
    shutil.copyfile(CHAT_TEMPLATE, folder / CHAT_TEMPLATE.name)
    names = fields["tokenizer.ggml.tokens"]
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": fields["llama.context_length"],
        "clean_up_tokenization_spaces": False,
        "bos_token": names[fields["tokenizer.ggml.bos_token_id"]],
        "eos_token": names[fields["tokenizer.ggml.eos_token_id"]],
        "pad_token": names[fields["tokenizer.ggml.padding_token_id"]],
        "unk_token": names[fields["tokenizer.ggml.unknown_token_id"]],
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def build(fields: dict[str, Any]) -> Tokenizer:
    """The tokenizer that GGUF calls `smollm`."""
    names: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab={name: token_id for token_id, name in enumerate(names)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = fields["tokenizer.ggml.token_type"]
    control = [name for name, kind in zip(names, kinds, strict=True) if kind == CONTROL_TOKEN]
    tokenizer.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in control])
    return tokenizer
