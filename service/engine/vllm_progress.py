"""vLLM's own log lines, read as progress. Its processes tell nobody else how far loading has come.

If vLLM rewords a line, a phase is shown later or not at all; nothing else depends on it. Does not import vLLM.
"""

import re
from typing import Final

from service.engine.base import Health, Phase

_SHARDS: Final = re.compile(r"checkpoint shards:\s+(\d+)% Completed")

_MARKS: Final = (
    ("Starting to load model", Phase.LOADING_WEIGHTS),
    ("Dynamo bytecode transform time", Phase.COMPILING),
    ("Compiling a graph", Phase.COMPILING),
    ("KV cache size:", Phase.WARMING_UP),
)


def read_progress(line: str) -> Health | None:
    """The health that a line of vLLM's output stands for; None for the many that say nothing of it."""
    if match := _SHARDS.search(line):
        return Health(Phase.LOADING_WEIGHTS, int(match.group(1)) / 100)
    for mark, phase in _MARKS:
        if mark in line:
            return Health(phase)
    return None
