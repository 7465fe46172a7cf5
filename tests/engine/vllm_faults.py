"""A fault inside vLLM's own process, for tests of what happens then. A service does not have it.

`install` is run by vLLM in each of its processes, as the entry point of a package that `environment` makes up. From
then on a prompt with a certain token ends the engine core once so many tokens of its answer have been written.
"""

import functools
import os
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "ENGINE_FAULT"

EXIT_CODE: Final = 86


def environment(folder: Path, token: int, written: int = 0) -> dict[str, str]:
    """What to add to the environment of a process whose engine is to have the fault; `folder` is an empty one."""
    package = folder / "tidegate_faults-0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: tidegate-faults\nVersion: 0\n")
    (package / "entry_points.txt").write_text("[vllm.general_plugins]\nfaults = tests.engine.vllm_faults:install\n")
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    return {"PYTHONPATH": path, VARIABLE: f"{token}@{written}"}


def install() -> None:
    """Make the scheduler end its process before the step that follows."""
    from vllm.v1.core.sched.scheduler import Scheduler

    token, written = map(int, os.environ[VARIABLE].split("@"))
    schedule = Scheduler.schedule

    @functools.wraps(schedule)
    def faulty(self: Any, *arguments: Any, **options: Any) -> Any:
        for request in self.running:
            if token in (request.prompt_token_ids or ()) and request.num_output_tokens >= written:
                os._exit(EXIT_CODE)
        return schedule(self, *arguments, **options)

    Scheduler.schedule = faulty
