"""What can be known to fail before anything is loaded: the settings against the model, the devices and the
limits of the process.
"""

import subprocess
from pathlib import Path

from service.descriptors import raise_limit
from service.engine.vllm_environment import detect_accelerator
from service.engine.vllm_lora_limits import RANKS
from service.errors import ConfigurationError
from service.models import bundled
from service.models.adapter_source import local_adapters
from service.settings import Settings
from service.settings.lora import check_names, check_ranks
from service.settings.preflight import ModelShape, check


def check_before_start(settings: Settings) -> None:
    """Raise `ConfigurationError`, in one readable line, for settings that cannot work."""
    engine = settings.engine
    raise_limit(settings.server.max_connections)
    check_names(engine)
    if engine.kind == "simulated":
        return
    if bundled.is_bundled(engine.model):
        shape: ModelShape | None = bundled.SHAPE
    else:
        path = Path(engine.model).expanduser()
        shape = ModelShape.from_config(path) if path.is_dir() else None
    world_size = engine.tensor_parallel_size * engine.pipeline_parallel_size * engine.data_parallel_size
    # Counting devices costs a process; one device is there whenever an accelerator is.
    devices = count_devices() if world_size > 1 and detect_accelerator(engine) == "cuda" else None
    check(engine, shape, devices)
    check_ranks(engine, {name: folder.rank for name, folder in local_adapters(engine).items()}, RANKS[-1])


def count_devices() -> int:
    """CUDA devices of this machine."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError(
            "engine.accelerator is cuda, but nvidia-smi does not answer; install the driver or use cpu"
        ) from error
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
