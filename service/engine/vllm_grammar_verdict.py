"""What the grammar worker is asked and what it answers: the messages on its pipes. Knows the shapes only."""

import struct
from typing import Final, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["json", "regex", "grammar", "lark", "structural_tag"]


class Form(msgspec.Struct, frozen=True, array_like=True):
    """What is to be compiled."""

    kind: Kind
    text: str


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """`busy` says nothing about the form: the machine had no time for it."""

    outcome: Literal["fits", "refused", "busy"]
    reason: str = ""
    lasting: bool = True
    """Whether it would be the same on a machine with nothing else to do."""


FITS: Final = Verdict("fits")
BUSY: Final = Verdict("busy", lasting=False)
TOO_COMPLEX: Final = Verdict("refused", "it takes too long to compile. Simplify it.")
TOO_SLOW_NOW: Final = Verdict(
    "refused", "it takes too long to compile, at least while the server is busy. Simplify it.", lasting=False
)
AMBIGUOUS: Final = Verdict("refused", "a text has it in so many ways that every token takes longer. Make it definite.")
CRASHED: Final = Verdict("refused", "it takes more memory or stack to compile than it may have. Simplify it.")


def frame(data: bytes) -> bytes:
    """A message on either pipe."""
    return struct.pack("!I", len(data)) + data
