"""The guardian of one engine: `python -m service.engine.guardian FOLDER`, started by `process.py`.

It outlives the gateway by moments: when its standard input ends, whatever ended the gateway, it takes the engine's
folder over and clears it, with every process, segment and file that belongs to it. It runs beside the engine, not in
it, so that neither a stopped nor a stuck engine can keep it from that. If the gateway has cleared the folder itself,
nothing is left to do.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Final

from service.engine.runtime_directory import RuntimeDirectory

KILL_SECONDS: Final = 30.0
"""How long processes may take to end after SIGKILL; nobody waits for us."""


def main() -> None:
    """Entry point of the process."""
    # It ends with the gateway and never before: who signals all of a service's processes does not mean it.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    directory = RuntimeDirectory(Path(sys.argv[1]))
    while os.read(sys.stdin.fileno(), 4096):
        pass
    if directory.take_over(wait=True):
        directory.clear(KILL_SECONDS)


if __name__ == "__main__":
    main()
