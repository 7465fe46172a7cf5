"""Text from the environment and the command line to a value of its setting's type.

Numbers and booleans of our own settings are left to pydantic, which also checks them. vLLM's further arguments are
checked by vLLM alone, so these must have their type already.
"""

from typing import Any, Final

from service.settings.document import read_inline

NONE_WORDS: Final = frozenset({"", "null", "none"})


def own_value(text: str, types: frozenset[Any]) -> Any:
    """The value of one of our own settings. Raises `DocumentError`."""
    if type(None) in types and text.lower() in NONE_WORDS:
        return None
    if dict in types or (list in types and text.lstrip().startswith("[")):
        return read_inline(text)
    return text


def further_value(text: str, types: frozenset[Any]) -> Any:
    """The value of a further engine argument. Raises `DocumentError`."""
    if type(None) in types and text.lower() in NONE_WORDS:
        return None
    if types <= {str, type(None)}:
        return text  # as YAML a commit such as 0123456 would be a number
    if list in types and str not in types and not text.lstrip().startswith("["):
        return read_inline(f"[{text}]")
    return read_inline(text)
