"""Puts the engine that the settings ask for into a process of its own. Does not import the engine."""

from pathlib import Path

import msgspec
from pydantic import SecretStr

from service.engine.client import HostedEngine
from service.engine.vllm_progress import read_progress
from service.settings import Settings


def host_engine(settings: Settings) -> HostedEngine:
    """A `HostedEngine` whose host builds the same engine from the same settings."""

    def start_message(address: str) -> bytes:
        message = {
            "address": address,
            # vLLM's own sockets go where ours is, and are removed with it.
            "environment": {"VLLM_RPC_BASE_PATH": str(Path(address).parent)},
            "engine": settings.engine.model_dump(),
            "simulation": settings.simulation.model_dump(),
            "otlp_endpoint": settings.tracing.otlp_endpoint,
        }
        return msgspec.json.encode(message, enc_hook=_reveal)

    return HostedEngine(start_message, read_progress)


def _reveal(value: object) -> str:
    """Secrets travel to our own child over its private standard input, and nowhere else."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    raise TypeError(f"{type(value).__name__} has no place in the settings")
