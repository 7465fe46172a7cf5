"""Starts the service with the bundled model and runs all clients against it; arguments go to pytest.

Run by the service's own Python, from the root of the repository. Ends with 0 if all clients were content and no
request was answered with 5xx.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.service_process import ServiceProcess

HERE = Path(__file__).parent


def python_clients(arguments: list[str]) -> list[str]:
    """The command line for the Python clients."""
    pytest = [".venv-compat/bin/python", "-m", "pytest", "-c", f"{HERE}/clients/pytest.ini"]
    return [*pytest, *arguments, f"{HERE}/clients"]


def node_clients() -> list[str]:
    """The command line for the Node clients."""
    files = sorted(str(file) for file in (HERE / "node").glob("*.test.mjs"))
    return ["node", "--test", "--test-reporter=spec", "--test-concurrency=1", *files]


def server_errors(service: ServiceProcess) -> list[str]:
    """The log lines of requests that were answered with 5xx; clients that try again would hide them."""
    return [line for line in service.text().splitlines() if '"status":5' in line]


def main() -> int:
    """Run both halves, the second also if the first has failed."""
    with ServiceProcess() as service:
        environment = {**os.environ, "COMPAT_URL": service.wait_until_ready().url}
        commands = (python_clients(sys.argv[1:]), node_clients())
        failed = [command for command in commands if subprocess.run(command, env=environment).returncode]
        errors = server_errors(service)
    complaints = [*(f"failed: {command[0]}" for command in failed), *errors]
    print("\n".join(complaints or ["all clients passed"]))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
