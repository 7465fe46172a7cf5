"""The heap of a process that has started and now serves."""

import gc
from typing import Final

YOUNG_OBJECTS: Final = 20_000
"""New containers between two looks at them. Python's 700 are a few requests' worth: all of those in flight would be
looked at again and again, for a twentieth of the time. Next to nothing here is part of a cycle."""


def settle_heap() -> None:
    """What has been imported and built stays for good: the garbage collector need not look at it ever again."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
