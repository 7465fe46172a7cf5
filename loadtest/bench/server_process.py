"""A server under test as a process: started, waited for, measured and stopped."""

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import psutil

from loadtest.bench.cpu import CpuSeconds, cpu_seconds

STOP_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.05
LOG_TAIL_BYTES: Final = 4000


class ServerFailedError(Exception):
    """A server did not start, or ended by itself."""


class ServerProcess:
    """Use as a context manager: ready inside, gone with all its descendants after."""

    def __init__(
        self, name: str, command: Sequence[str], *, port: int, model: str, ready_path: str, ready_seconds: float
    ) -> None:
        self.name = name
        self.port = port
        self.model = model
        self._command = list(command)
        self._ready_path = ready_path
        self._ready_seconds = ready_seconds

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            self._wait_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """SIGTERM, as an operator would; whatever is left after that is killed."""
        tree = self._tree()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for survivor in psutil.wait_procs(tree, timeout=1)[1]:
            survivor.kill()
        self._log.close()

    def cpu(self) -> CpuSeconds:
        """CPU seconds used so far."""
        return cpu_seconds(psutil.Process(self._process.pid))

    def _tree(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + self._ready_seconds
        while not self._answers():
            if self._process.poll() is not None:
                raise ServerFailedError(f"{self.name} ended with code {self._process.returncode}:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise ServerFailedError(f"{self.name} was not ready in {self._ready_seconds:.0f} s:\n{self._tail()}")
            time.sleep(POLL_SECONDS)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self._ready_path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _tail(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - LOG_TAIL_BYTES))
        return self._log.read().decode(errors="replace")


def free_port() -> int:
    """A port that nothing listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
