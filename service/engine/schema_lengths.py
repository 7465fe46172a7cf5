"""Which bounded strings a schema asks for: the lengths are what makes an otherwise light schema slow to compile.

Knows JSON Schema's two keywords for it, wherever they stand in a JSON document, and no grammar library.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

UNROLLED: Final = 128
"""Longest bound that xgrammar 0.2.8 spells out, character by character. Above, every bound has states of its own."""

FEW: Final = 8
"""States that are not worth an effort of their own."""


class Lengths(NamedTuple):
    """The bounds of a string, in characters; `most` is None where there is no upper one."""

    least: int
    most: int | None

    def schema(self) -> dict[str, Any]:
        """A string that has them."""
        upper = {} if self.most is None else {"maxLength": self.most}
        return {"type": "string", "minLength": self.least, **upper}

    @property
    def states(self) -> int:
        """How many of the grammar's states it shares with no other bounds, those of a least length of 1 excepted."""
        above = UNROLLED if self.most is not None and self.most > UNROLLED else 0
        return above + (min(self.least, UNROLLED) if self.least > 1 else 0)


def costly_lengths(document: str) -> list[Lengths]:
    """Those in a schema, or in the schemas of a structural tag, the costliest first; `document` is valid JSON."""
    found = {lengths for lengths in _all(json.loads(document)) if lengths.states > FEW}
    return sorted(found, key=lambda lengths: (-lengths.states, repr(lengths)))


def _all(document: Any) -> Iterator[Lengths]:
    todo = [document]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            least, most = each.get("minLength", 0), each.get("maxLength")
            if isinstance(least, int) and (most is None or isinstance(most, int)):
                yield Lengths(least, most)
            todo += each.values()
        elif isinstance(each, list):
            todo += each
