"""The adapters of the settings as folders: local ones as they are, the others fetched from the model hub."""

from pathlib import Path

from service.errors import ConfigurationError
from service.models.adapter import FILES, AdapterError, AdapterFolder
from service.settings import EngineSettings
from service.settings.lora import is_local


def local_adapters(engine: EngineSettings) -> dict[str, AdapterFolder]:
    """Adapters whose folders are here, by name. Raises `ConfigurationError` for one that is none."""
    return {
        name: _read(name, path, Path(path).expanduser().absolute())
        for name, path in engine.lora_adapters.items()
        if is_local(path)
    }


def all_adapters(engine: EngineSettings) -> dict[str, AdapterFolder]:
    """All adapters, by name, in the order of the settings; downloads what is not here. Raises `ConfigurationError`."""
    here = local_adapters(engine)
    return {
        name: here[name] if name in here else _read(name, path, _download(name, path, engine))
        for name, path in engine.lora_adapters.items()
    }


def _read(name: str, given: str, folder: Path) -> AdapterFolder:
    try:
        return AdapterFolder.read(folder)
    except AdapterError as error:
        raise ConfigurationError(f"engine.lora_adapters.{name} is {given}, {error}") from error


def _download(name: str, hub_id: str, engine: EngineSettings) -> Path:
    """The folder of one adapter in the hub's cache. Only the two files are fetched: never code, never a pickle."""
    from huggingface_hub import snapshot_download

    token = engine.hf_token.get_secret_value() if engine.hf_token is not None else None
    try:
        fetched = snapshot_download(hub_id, allow_patterns=list(FILES), token=token, cache_dir=engine.download_dir)
    except (OSError, ValueError) as error:  # the hub's own errors are among these
        reason = " ".join(str(error).split())
        raise ConfigurationError(
            f"engine.lora_adapters.{name} is {hub_id}, which is no folder and cannot be fetched: {reason}"
        ) from error
    return Path(fetched)
