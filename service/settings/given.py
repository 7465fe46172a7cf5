"""`Given`: one value as somebody gave it, before anybody has looked at it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Given:
    """`key` is "section.name"; `origin` is for people. `is_text`: still to be converted to the setting's type."""

    key: str
    value: Any
    origin: str
    is_text: bool
