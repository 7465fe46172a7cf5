"""Which settings there are: our own, and vLLM's further engine arguments, which are looked up only when asked for."""

import difflib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from service.errors import ConfigurationError
from service.settings.tree import Settings

_BUILTINS: Final[Mapping[str, Any]] = {
    "bool": bool, "int": int, "float": float, "str": str, "list": list, "dict": dict, "None": type(None)
}  # fmt: skip


def section_types() -> dict[str, type[BaseModel]]:
    """The class of each section."""
    return {name: type(field.default) for name, field in Settings.model_fields.items()}


class Keys:
    """All keys, "section.name" each. `engine_arguments` gives vLLM's: name to annotation, as written in its source."""

    def __init__(self, engine_arguments: Callable[[], Mapping[str, str]]) -> None:
        self._engine_arguments = engine_arguments
        self.own: Final[Mapping[str, frozenset[Any]]] = {
            f"{section}.{name}": _members(field.annotation)
            for section, cls in section_types().items()
            for name, field in cls.model_fields.items()
            if (section, name) != ("engine", "extra")
        }
        """Our own keys, and the plain types each may be of."""

    def types_of(self, key: str) -> frozenset[Any]:
        """The plain types that a value may be of; `object` stands for those not known here, none for unknown keys."""
        if key in self.own:
            return self.own[key]
        section, _, name = key.partition(".")
        annotation = self._engine_arguments().get(name) if section == "engine" else None
        if annotation is None:
            return frozenset()
        return frozenset(_BUILTINS.get(part.partition("[")[0], object) for part in annotation.split(" | "))

    def is_boolean(self, key: str) -> bool:
        """Whether the key may stand on the command line without a value."""
        return bool in self.types_of(key)

    def is_secret(self, key: str) -> bool:
        """Whether it is one of our own secrets."""
        return SecretStr in self.own.get(key, ())

    def require(self, key: str, origin: str) -> None:
        """Raise `ConfigurationError` with the nearest known key if there is no such setting."""
        if self.types_of(key):
            return
        further = self._engine_arguments()
        near = nearest(key, [*self.own, *(f"engine.{name}" for name in further)])
        hint = f"; did you mean {near}?" if near else ""
        if not further and key.startswith("engine."):
            hint += "; vLLM is not installed here, so only Tidegate's own keys are known"
        raise ConfigurationError(f"{_printable(key)} ({_printable(origin)}) is not a setting{hint}")


def nearest(key: str, known: Iterable[str]) -> str | None:
    """The known key that was probably meant: of the same name in another section, else of similar spelling."""
    known = list(dict.fromkeys(known))
    by_name: dict[str, str] = {}
    for each in known:
        by_name.setdefault(each.partition(".")[2], each)
    name = key.rpartition(".")[2]
    if name in by_name:
        return by_name[name]
    for word, candidates in ((key, {each: each for each in known}), (name, by_name)):
        if close := difflib.get_close_matches(word, candidates, n=1, cutoff=0.7):
            return candidates[close[0]]
    return None


def _members(annotation: Any) -> frozenset[Any]:
    """The plain types that an annotation is made of: `Annotated[int, ...] | None` is {int, NoneType}."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return frozenset().union(*map(_members, typing.get_args(annotation)))
    if origin is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    return frozenset({origin or annotation})


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)
