"""An engine that comes back: it is watched, restarted when it dies or hangs, and its streams go on where they were.

    `engine.py`       `SupervisedEngine`: one engine after another behind one seam
    `watchdog.py`     tells a hung engine from a busy one
    `deaths.py`       how long to wait before the next start, and when to give up
    `stream.py`       a generation that outlives engines
    `journal.py`      what such a generation has told
    `replay.py`       takes what was told out of what the next engine tells again
    `adapters.py`     repeats in the next engine what was loaded and unloaded at run time
    `readmission.py`  lets interrupted generations back in, few at a time, so that a deadly one stands alone

Does not know HTTP, nor which engine it restarts.
"""

from service.engine.supervision.engine import SupervisedEngine

__all__ = ["SupervisedEngine"]
