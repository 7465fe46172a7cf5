"""How many tokens of prompts are carried from the engine's process at once.

Those of a prompt to be continued fit into the model's context. A text that is only to be counted may be as long as a
body, and reading millions of numbers would hold the gateway's event loop.
"""

from collections.abc import Sequence
from typing import Final

from service.engine.prompts import Prompt
from service.errors import InvalidRequestError

MAX_CARRIED: Final = 1_000_000
"""Numbers and strings; a million take about 40 ms to read and to write again."""

STRING_WEIGHT: Final = 4
"""What a token's string costs, against its number."""


def check_carried(prompts: Sequence[Prompt]) -> None:
    """Raise `InvalidRequestError` for more than may be carried."""
    carried = sum(len(each.token_ids) + STRING_WEIGHT * len(each.token_strings or ()) for each in prompts)
    if carried > MAX_CARRIED:
        most = (
            MAX_CARRIED if all(each.token_strings is None for each in prompts) else MAX_CARRIED // (1 + STRING_WEIGHT)
        )
        raise InvalidRequestError(
            f"The text has {sum(len(each.token_ids) for each in prompts)} tokens, but at most {most} can be told at "
            "once. Send it in parts.",
            code="string_above_max_length",
        )
