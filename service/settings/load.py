"""`load_settings`: the layers put on top of each other, checked, and remembered where each value came from.

Defaults < file < environment < command line. A value that is wrong is an error that names its key, the value, where it
stood and what is allowed there.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from service.engine import vllm_fields
from service.errors import ConfigurationError
from service.settings.allowed import allowed
from service.settings.command_line import CommandLine, read_command_line
from service.settings.conversion import further_value, own_value
from service.settings.document import DocumentError
from service.settings.environment import CONFIG_VARIABLE, read_environment
from service.settings.file import read_file
from service.settings.given import Given
from service.settings.keys import Keys, section_types
from service.settings.secrecy import masked, may_name_a_secret
from service.settings.tree import Settings

SHOWN_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and for every leaf ("section.name") where its value came from.

    An origin is "default", "file PATH", "environment NAME" or "command line --flag".
    """

    settings: Settings
    origins: Mapping[str, str]


def load_settings(
    argv: Sequence[str],
    environ: Mapping[str, str],
    engine_arguments: Callable[[], Mapping[str, str]] = vllm_fields.engine_arguments,
) -> Loaded:
    """The settings in effect. `argv` are the words behind the command. Raises `ConfigurationError`."""
    keys = Keys(engine_arguments)
    command_line = read_command_line(argv, keys)
    layers = [
        *_read_file(command_line, environ),
        *read_environment(environ, section_types()),
        *command_line.given,
    ]
    for given in layers:
        keys.require(given.key, given.origin)
    winners = {given.key: given for given in layers}
    origins = dict.fromkeys(keys.own, "default") | {key: given.origin for key, given in winners.items()}
    return Loaded(_build(winners, keys), origins)


def _read_file(command_line: CommandLine, environ: Mapping[str, str]) -> list[Given]:
    path = command_line.config_file or environ.get(CONFIG_VARIABLE)
    return read_file(Path(path), section_types()) if path else []


def _build(winners: Mapping[str, Given], keys: Keys) -> Settings:
    document: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for key, given in winners.items():
        section, _, name = key.partition(".")
        values = document.setdefault(section, {})
        try:
            if key in keys.own:
                values[name] = own_value(given.value, keys.types_of(key)) if given.is_text else given.value
            else:
                further = further_value(given.value, keys.types_of(key)) if given.is_text else given.value
                values.setdefault("extra", {})[name] = further
        except DocumentError as error:
            problems.append(f"{_subject(given, keys)}, which is no valid YAML or JSON: {error}")
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        wrong = dict.fromkeys(".".join(map(str, entry["loc"][:2])) for entry in error.errors(include_input=False))
        problems += [f"{_subject(winners[key], keys)}, but must be {allowed(key)}" for key in wrong]
    if problems:
        raise ConfigurationError("; ".join(problems))
    return settings


def _subject(given: Given, keys: Keys) -> str:
    """The beginning of a complaint: "server.port is '70000' (environment TIDEGATE_SERVER_PORT)"."""
    hidden = keys.is_secret(given.key) or (given.key not in keys.own and may_name_a_secret(given.key))
    if isinstance(given.value, str):
        hidden = hidden or may_name_a_secret(given.value)
        shown = ascii(given.value)
    else:
        shown = json.dumps(masked("", given.value))
    return f"{given.key} is {'a secret' if hidden else shown[:SHOWN_CHARACTERS]} ({given.origin})"
