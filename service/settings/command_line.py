"""The layer of the command line: `--key value`, `--key=value`, and for booleans `--key` and `--no-key`.

A key without a section belongs to the engine, as with `vllm serve`; host and port are the server's. The one word
that is no option is the model.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.errors import ConfigurationError
from service.settings.given import Given
from service.settings.keys import Keys

_NEGATION: Final = re.compile(r"(^--|\.)no[-_]")
"""As in --no-enforce-eager, --no-management.enabled and --management.no-enabled."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The words behind the command."""

    config_file: str | None
    given: tuple[Given, ...]


def read_command_line(argv: Sequence[str], keys: Keys) -> CommandLine:
    """What the words say. `keys` tells which are booleans. Raises `ConfigurationError`, also for unknown keys."""
    config_file: str | None = None
    given: list[Given] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            given.append(Given("engine.model", word, "command line MODEL", is_text=True))
            continue
        option, has_value, value = word.partition("=")
        if option in ("-c", "--config"):
            config_file = value if has_value else _next(rest, option)
        else:
            given.append(_setting(option, value if has_value else None, rest, keys))
    _refuse_two_models(given)
    return CommandLine(config_file, tuple(given))


def _setting(option: str, value: str | None, rest: list[str], keys: Keys) -> Given:
    """One option; takes its value from the front of `rest` if need be."""
    key, origin = _key_of(option), f"command line {option}"
    positive = _key_of(_NEGATION.sub(r"\1", option))
    if value is None and positive != key and keys.is_boolean(positive):
        return Given(positive, "false", origin, is_text=True)
    # Before the value is looked for: of an unknown key nobody can tell whether it has one.
    keys.require(key, origin)
    if value is None and keys.is_boolean(key) and not (rest and rest[0].lower() in ("true", "false")):
        value = "true"
    return Given(key, _next(rest, option) if value is None else value, origin, is_text=True)


def _key_of(option: str) -> str:
    key = option.lstrip("-").replace("-", "_")
    if "." in key:
        return key
    return f"server.{key}" if key in ("host", "port") else f"engine.{key}"


def _next(rest: list[str], option: str) -> str:
    if not rest or rest[0].startswith("--"):
        raise ConfigurationError(f"{option} needs a value: {option}=VALUE")
    return rest.pop(0)


def _refuse_two_models(given: list[Given]) -> None:
    # Does not quote the words: the second one may be the rest of a secret whose quotes were forgotten.
    models = [each.origin for each in given if each.key == "engine.model"]
    if len(models) > 1:
        raise ConfigurationError(
            f"the command line names {len(models)} models ({', '.join(models)}); "
            "give one, and quote values that contain spaces"
        )
