"""Puts the engine that the settings ask for into a process of its own. Does not import the engine."""

import getpass
import os
import tempfile
from pathlib import Path

import msgspec
from pydantic import SecretStr

from service.engine.client import HostedEngine
from service.engine.device_memory import read_nvml
from service.engine.vllm_progress import read_progress
from service.settings import Settings


def host_engine(settings: Settings) -> HostedEngine:
    """A `HostedEngine` whose host builds the same engine from the same settings."""

    def start_message(address: str) -> bytes:
        message = {
            "address": address,
            "environment": _environment(Path(address).parent),
            "engine": settings.engine.model_dump(),
            "simulation": settings.simulation.model_dump(),
            "otlp_endpoint": settings.tracing.otlp_endpoint,
        }
        return msgspec.json.encode(message, enc_hook=_reveal)

    needs_devices = settings.engine.kind == "vllm" and settings.engine.accelerator != "cpu"
    return HostedEngine(start_message, read_progress, read_nvml if needs_devices else list)


def _environment(folder: Path) -> dict[str, str]:
    environment = {
        # vLLM's own sockets go where ours is, and are removed with it.
        "VLLM_RPC_BASE_PATH": str(folder),
        # A title that vLLM's processes give themselves must not overwrite the environment that they are known by.
        "SPT_NOENV": "1",
    }
    if "TORCHINDUCTOR_CACHE_DIR" not in os.environ:
        # Temporary files go into that folder too, but what was compiled stays where PyTorch would look for it.
        environment["TORCHINDUCTOR_CACHE_DIR"] = f"{tempfile.gettempdir()}/torchinductor_{_user()}"
    return environment


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid_{os.getuid()}"


def _reveal(value: object) -> str:
    """Secrets travel to our own child over its private standard input, and nowhere else."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    raise TypeError(f"{type(value).__name__} has no place in the settings")
