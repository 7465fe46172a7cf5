"""What both stub engines say, token for token, so that both front ends move the same bytes of text."""

import itertools
import re
from typing import Final

TEXT: Final = "The tide comes in, the tide goes out. "


def words(count: int) -> list[str]:
    """The first `count` tokens of the script, which repeats; split as `SimulatedEngine` splits it."""
    script = re.findall(r"\s*\S+\s*$|\s*\S+", TEXT)
    return list(itertools.islice(itertools.cycle(script), count))
