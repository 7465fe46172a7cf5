"""Prompts that kill the simulated engine, or make it hang, for tests of what happens then.

A prompt that says `[[die at 5]]` ends the engine's process in place of token 5 of the answer (the first is token 0),
and one that says `[[hang at 5]]` makes the engine stand still there with all that it has in hand.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, cast

from service.engine.prompts import Prompt

_MARK: Final = re.compile(rb"\[\[(die|hang) at (\d{1,9})\]\]")


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls the engine, and at which token of the answer."""

    kind: Literal["die", "hang"]
    token: int


def fault_in(prompt: Prompt) -> Fault | None:
    """The fault that a prompt asks for; the simulated engine's prompts are bytes."""
    found = _MARK.search(bytes(token_id for token_id in prompt.token_ids if token_id < 256))
    if found is None:
        return None
    return Fault(cast(Literal["die", "hang"], found.group(1).decode()), int(found.group(2)))
