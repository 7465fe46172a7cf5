"""What must not be shown: values of our own secrets, and, by their names, values that vLLM may keep secret."""

import re
from typing import Any, Final

from pydantic import SecretStr

MASK: Final = "********"

_SURELY: Final = re.compile(r"secret|password|api[_-]?key|headers", re.IGNORECASE)
_PERHAPS: Final = re.compile(r"token(?!iz)", re.IGNORECASE)
"""An access token, unless the value is a number: `num_speculative_tokens: 3` counts tokens. Never a tokenizer."""


def may_name_a_secret(text: str) -> bool:
    """Whether a secret's name occurs in the text."""
    return bool(_SURELY.search(text) or _PERHAPS.search(text))


def masked(name: str, value: Any) -> Any:
    """The value with every secret in it, at any depth, replaced by asterisks."""
    if value is None:
        return None
    if isinstance(value, SecretStr) or _SURELY.search(name):
        return MASK
    if _PERHAPS.search(name) and not isinstance(value, int | float):
        return MASK
    if isinstance(value, dict):
        return {key: masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked("", inner) for inner in value]
    return value
