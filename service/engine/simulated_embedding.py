"""The vectors of the simulated engine: they depend on the tokens alone, and on every one of them."""

import hashlib
import math
import struct
from typing import Final

EMBEDDING_SIZE: Final = 64
"""Dimensions of a vector where fewer are not asked for."""

MIDDLE: Final = 2**31


def embedding_of(token_ids: list[int], dimensions: int) -> bytes:
    """A vector of length 1 as packed little-endian float32 numbers; fewer dimensions are the beginning of more."""
    digest = hashlib.shake_256(struct.pack(f"<{len(token_ids)}I", *token_ids)).digest(4 * dimensions)
    numbers = [number - MIDDLE for number in struct.unpack(f"<{dimensions}I", digest)]
    length = math.hypot(*numbers)
    return struct.pack(f"<{dimensions}f", *(number / length for number in numbers))
