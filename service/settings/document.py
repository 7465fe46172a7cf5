"""YAML and JSON text to plain values: mappings, lists, texts, numbers, booleans and null, nothing else.

Refuses a key given twice. Its errors never quote a value, for they cannot know which values are secrets. Does not know
what settings there are.
"""

import json
import re
from typing import Any, ClassVar, Final, NoReturn

import yaml

_TAG: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = frozenset(_TAG + name for name in ("null", "bool", "int", "float", "str", "seq", "map"))
_QUOTED: Final = re.compile(r"'[^'<][^']+'|\"[^\"]{2,}\"")
"""What PyYAML quotes in its messages: tags and anchors, which may be secrets. `'<...>'` is the kind of a token."""


class DocumentError(Exception):
    """The text cannot be read. The message says why and where, without values."""


class _PlainLoader(yaml.SafeLoader):
    """YAML without dates and binary data: they have no place in settings, and `2026-11-24` is wanted as text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML declares it so)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != f"{_TAG}timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors: ClassVar[dict[str | None, Any]] = {
        tag: constructor
        for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag in _PLAIN_TAGS
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (name := (key.tag, key.value)) in seen:
                raise DocumentError(f"{key.value!a} is given twice (line {key.start_mark.line + 1})")
            elif isinstance(key, yaml.ScalarNode):
                seen.add(name)
        return node


def read_yaml(text: str) -> Any:
    """The value of a YAML document. Raises `DocumentError`."""
    try:
        return yaml.load(text, _PlainLoader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        problem = _QUOTED.sub("...", error.problem or "it is not YAML")
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        _fail(problem + where)
    except yaml.YAMLError:
        _fail("it has characters that YAML does not allow")
    except (ValueError, LookupError):
        _fail("a number or boolean in it is malformed")  # PyYAML lets `0b_` and `!!int x` through to Python
    except RecursionError:
        _fail("it is nested too deeply")


def read_inline(text: str) -> Any:
    """The value of a short text, JSON or YAML. Raises `DocumentError`."""
    if not text.lstrip().startswith(("{", "[")):
        return read_yaml(text)
    try:
        # Nearly all JSON is YAML, but "\/" is not, and PyYAML takes "\ud83c\udf0a" for two characters.
        return json.loads(text, object_pairs_hook=_unique)
    except ValueError:
        return read_yaml(text)
    except RecursionError:
        _fail("it is nested too deeply")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        _fail(f"{twice!a} is given twice")
    return value


def _fail(reason: str) -> NoReturn:
    # `from None`: the cause quotes the text, secrets and all.
    raise DocumentError(reason) from None
