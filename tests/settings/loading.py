"""Loads settings the way the command does, with vLLM's arguments given, so that no vLLM need be installed."""

from collections.abc import Mapping
from pathlib import Path

from service.settings import Loaded, load_settings

ENGINE_ARGUMENTS: Mapping[str, str] = {
    "additional_config": "dict[str, Any]",
    "attention_backend": "AttentionBackendEnum | str | None",
    "cudagraph_capture_sizes": "list[int] | None",
    "enable_lora": "bool",
    "generation_config": "str",
    "hf_overrides": "HfOverrides",
    "max_lora_rank": "MaxLoRARanks",
    "max_num_queued_tokens": "int | None",
    "tokenizer_mode": "TokenizerMode | str",
    "tokenizer_revision": "str | None",
}
"""Some of vLLM's engine arguments, annotated as there."""


def load(
    *argv: str, environ: Mapping[str, str] | None = None, file: Path | None = None, text: str | None = None
) -> Loaded:
    """Settings from these words and variables, and from `file`, which is written first if there is a `text`."""
    variables = dict(environ or {})
    if file is not None:
        if text is not None:
            file.write_text(text, encoding="utf-8")
        variables["TIDEGATE_CONFIG"] = str(file)
    return load_settings(argv, variables, lambda: ENGINE_ARGUMENTS)
