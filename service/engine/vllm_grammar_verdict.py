"""What the grammar worker is asked and what it answers: the messages on its pipes. Knows the shapes only."""

import struct
from typing import Final, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["json", "regex", "grammar", "lark", "structural_tag"]


class Form(msgspec.Struct, frozen=True, array_like=True):
    """What is to be compiled."""

    kind: Kind
    text: str


class Budget(msgspec.Struct, frozen=True, array_like=True):
    """What one attempt at a form may cost, in seconds of CPU and on the clock, and how much it yields to others."""

    cpu: float
    wall: float
    niceness: int


QUICK: Final = Budget(cpu=0.1, wall=0.3, niceness=0)
"""The first attempt at every form, so that light ones need not wait for heavy ones."""

FULL: Final = Budget(cpu=0.6, wall=0.7, niceness=5)
"""The second attempt: what vLLM will spend on it again, in a process where it delays others, and an answer within a
second. It goes behind the engine; a greater niceness would starve it on a machine whose cores all compute."""


class Question(msgspec.Struct, frozen=True, array_like=True):
    """One attempt at a form."""

    form: Form
    budget: Budget


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """`busy` says nothing about the form: the machine had no time for it. `unfinished` asks for a larger budget."""

    outcome: Literal["fits", "refused", "busy", "unfinished"]
    reason: str = ""
    lasting: bool = True
    """Whether it would be the same on a machine with nothing else to do."""


FITS: Final = Verdict("fits")
UNFINISHED: Final = Verdict("unfinished")
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
