"""The service as its users run it: a process, its two listeners, its output."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
import psutil


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServiceProcess:
    """`tidegate serve` with the given arguments. `stop` is idempotent and leaves nothing running."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.port, self.management_port = free_port(), free_port()
        self.began = time.monotonic()
        self.output = Path(f"/tmp/tidegate-test-{self.port}.log")
        command = [sys.executable, "-m", "service.cli", "serve", *arguments]
        command += [f"--server.port={self.port}", f"--management.port={self.management_port}"]
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.output.unlink()

    @property
    def url(self) -> str:
        """Base URL of the public listener."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def management_url(self) -> str:
        """Base URL of the management listener."""
        return f"http://127.0.0.1:{self.management_port}"

    @property
    def pid(self) -> int:
        """Process id of the gateway."""
        return self._process.pid

    def get(self, path: str) -> httpx.Response | None:
        """A GET on the public listener; None while nobody listens."""
        try:
            return httpx.get(self.url + path, timeout=5)
        except httpx.TransportError:
            return None

    def wait_until_ready(self, timeout_seconds: float = 240) -> Self:
        """Wait for readiness; fails with the process's own words if it ends or takes too long."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            answer = self.get("/health/ready")
            if answer is not None and answer.status_code == 200:
                return self
            time.sleep(0.1)
        raise AssertionError(f"not ready; it said:\n{self.text()[-4000:]}")

    def text(self) -> str:
        """All that the process has printed so far."""
        return self.output.read_text(errors="replace")

    def metric(self, pattern: str) -> float:
        """The value of the first series in the metrics whose line begins with `pattern` (a regular expression)."""
        text = httpx.get(self.management_url + "/metrics", timeout=10).text
        found = re.search(rf"^{pattern}.* ([0-9.e+-]+)$", text, re.M)
        assert found is not None, f"no series {pattern}"
        return float(found.group(1))

    def settles(self, pattern: str, value: float, within_seconds: float) -> bool:
        """Whether a metric reaches a value in time."""
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline:
            if self.metric(pattern) == value:
                return True
            time.sleep(0.02)
        return False

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self, timeout_seconds: float = 60) -> int:
        """The exit code, once the process has ended."""
        return self._process.wait(timeout_seconds)

    def tree(self) -> list[psutil.Process]:
        """The gateway and all of its descendants."""
        gateway = psutil.Process(self.pid)
        return [gateway, *gateway.children(recursive=True)]

    def stop(self) -> None:
        """End it, gently if it listens to that."""
        if self._process.poll() is None:
            self.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.wait(20)
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def simulated(*arguments: str) -> Iterator[ServiceProcess]:
    """A ready service with the simulated engine under the name `sim`."""
    with ServiceProcess("sim", "--engine.kind=simulated", *arguments) as service:
        yield service.wait_until_ready(30)
