"""Identifiers that are unlikely to be given twice, anywhere."""

import os
from typing import Final

ID_BYTES: Final = 12
RESERVE_BYTES: Final = 341 * ID_BYTES


class IdSource:
    """Random identifiers; asks the operating system for many at once, which takes as long as for one."""

    __slots__ = ("_at", "_reserve")

    def __init__(self) -> None:
        self._reserve = ""
        self._at = 0

    def next(self) -> str:
        """24 hexadecimal digits."""
        if self._at == len(self._reserve):
            self._reserve = os.urandom(RESERVE_BYTES).hex()
            self._at = 0
        begin = self._at
        self._at = begin + 2 * ID_BYTES
        return self._reserve[begin : self._at]
