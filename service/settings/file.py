"""The layer of the YAML file. Whether its keys exist and what its values mean is decided in `load.py`."""

from collections.abc import Container
from pathlib import Path

from service.errors import ConfigurationError
from service.settings.document import DocumentError, read_yaml
from service.settings.given import Given


def read_file(path: Path, sections: Container[str]) -> list[Given]:
    """The values of a YAML file, section by section. Raises `ConfigurationError`."""
    try:
        document = read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"the configuration file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"the configuration file {path} cannot be read: it is not UTF-8") from None
    except DocumentError as error:
        raise ConfigurationError(f"the configuration file {path} cannot be read: {error}") from error
    if document is None:
        return []
    if not isinstance(document, dict):
        raise ConfigurationError(f"the configuration file {path} must be a mapping of sections, such as 'server:'")
    origin = f"file {path}"
    given: list[Given] = []
    for section, values in document.items():
        if isinstance(values, dict) and values:
            given += [Given(f"{section}.{name}", value, origin, is_text=False) for name, value in values.items()]
        elif section not in sections:
            given.append(Given(str(section), values, origin, is_text=False))
        elif values not in (None, {}):  # a section whose every line is commented out is null
            raise ConfigurationError(f"{section} ({origin}) must be a mapping, for it is a section of settings")
    return given
