"""How each server under test is started, in one place."""

import sys
from pathlib import Path
from typing import Final

from loadtest.bench.script import TEXT
from loadtest.bench.server_process import ServerProcess, free_port

MODEL: Final = "bench"
"""The served model name everywhere: event sizes must not depend on whose server it is."""

START_SECONDS: Final = 60.0
REAL_START_SECONDS: Final = 300.0

SIMULATED: Final = (
    *("--engine.kind", "simulated", "--simulation.text", TEXT),
    *("--simulation.ttft-seconds", "0", "--simulation.itl-seconds", "0"),
)
"""Settings of a simulated engine that never waits."""

HOSTED: Final = "tidegate"
IN_PROCESS: Final = "tidegate in-process"
VLLM: Final = "vllm"
VLLM_RENDERING: Final = "vllm rendering each"


def tidegate(name: str, *options: str, ready_seconds: float = START_SECONDS) -> ServerProcess:
    """Our service as `tidegate serve` starts it, everything switched on."""
    port = free_port()
    command = [sys.executable, "-m", "service.cli", "serve", "--engine.served-model-name", MODEL]
    command += ["--server.port", str(port), "--management.port", str(free_port()), *options]
    return ServerProcess(name, command, port=port, model=MODEL, ready_path="/health/ready", ready_seconds=ready_seconds)


def simulated(name: str, *, in_process: bool = False) -> ServerProcess:
    """Our service on the simulated engine, which writes as fast as it is read."""
    return tidegate(name, *SIMULATED, "--engine.in-process", str(in_process).lower())


def real(model: str | None) -> ServerProcess:
    """Our service on the real engine; `model` None is the bundled one."""
    return tidegate(HOSTED, *real_options(model), ready_seconds=REAL_START_SECONDS)


def real_options(model: str | None) -> list[str]:
    """Settings of the real engine, for our service and for vllm_direct.py alike."""
    return ["--engine.model", model] if model else []


def vllm(model_folder: Path, *, render_each: bool = False) -> ServerProcess:
    """The API server of vLLM on a stub engine, as `vllm serve` starts it but for the access log."""
    port = free_port()
    command = [sys.executable, "-m", "loadtest.bench.vllm_app", "--model", str(model_folder)]
    command += ["--served-model-name", MODEL, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--disable-uvicorn-access-log", *(["--render-each"] if render_each else [])]
    name = VLLM_RENDERING if render_each else VLLM
    return ServerProcess(name, command, port=port, model=MODEL, ready_path="/health", ready_seconds=REAL_START_SECONDS)
