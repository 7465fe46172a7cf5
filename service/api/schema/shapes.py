"""Fields that take a string or an array: the value's shape picks the branch, so that an error fits what was sent.

The tags stand in round brackets, which is how `explanation.py` knows that they are no part of a path.
"""

from typing import Any, Final

STRING: Final = "(string)"
ARRAY: Final = "(array)"
OBJECT: Final = "(object)"


def string_or_array(value: Any) -> str | None:
    """The tag, or None for anything else."""
    return STRING if isinstance(value, str) else ARRAY if isinstance(value, list) else None


def string_or_object(value: Any) -> str | None:
    """The tag, or None for anything else."""
    return STRING if isinstance(value, str) else OBJECT if isinstance(value, dict) else None
