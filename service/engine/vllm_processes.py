"""The processes without which a running vLLM engine is dead: its engine cores and their workers.

Not among them: Python's resource trackers, compilers that end when they are done, and our own grammar worker, which
is killed and replaced on purpose. Does not import vLLM.
"""

import contextlib
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from vllm.v1.engine.async_llm import AsyncLLM

TITLE: Final = "VLLM::"
"""vLLM's processes give themselves such titles, where the package setproctitle is there."""

SPAWNED: Final = "--multiprocessing-fork"
"""How Python starts them; only workers are started so by an engine core."""


def vital_processes(llm: "AsyncLLM") -> dict[int, str]:
    """Process ids and names, such as "EngineCore" and "Worker_TP1". Empty where Ray runs them."""
    manager = llm.engine_core.resources.engine_manager
    found: dict[int, str] = {}
    for process in getattr(manager, "processes", ()):
        found[process.pid] = process.name
        # One that has ended is told of by whoever watches its id.
        with contextlib.suppress(psutil.NoSuchProcess):
            found.update(_workers(psutil.Process(process.pid)))
    return found


def _workers(core: psutil.Process) -> dict[int, str]:
    names: dict[int, str] = {}
    for child in core.children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            line = " ".join(child.cmdline())
            if line.startswith(TITLE):
                names[child.pid] = line.removeprefix(TITLE).strip()
            elif SPAWNED in line:
                names[child.pid] = f"Worker {len(names)}"
    return names
