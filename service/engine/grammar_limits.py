"""What a structured output may weigh at all: caps that cost microseconds to check, before anything compiles a grammar.

They turn away what is out of all proportion; what is small and still a bomb is found by compiling it beforehand, with
a budget. Every engine applies them. Does not know any grammar library.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import jiter

from service.engine.requests import StructuredOutput
from service.errors import InvalidRequestError

MAX_BYTES: Final[Mapping[str, int]] = {
    "json": 128 * 1024,
    "structural_tag": 512 * 1024,
    "regex": 8 * 1024,
    "grammar": 64 * 1024,
    "choice": 64 * 1024,
}
"""Longest text of each kind, in UTF-8. A structural tag holds the schemas of up to 128 tools."""

MAX_NESTING: Final[Mapping[str, int]] = {"json": 64, "structural_tag": 80}
"""vLLM's own limits; the cost of conversion grows steeply with nesting, and OpenAI takes 10 levels."""

MAX_CHOICES: Final = 1000
"""Values of a choice, or of all `enum`s of a schema. OpenAI's limit."""

MAX_PROPERTIES: Final = 5000
"""Named properties in all of a schema. OpenAI's limit."""

MAX_PATTERN_BYTES: Final = 1024
"""Longest `pattern` in a schema."""

MAX_REPETITIONS: Final = 1000
"""Largest bound of a repetition such as `{1,1000}`: it is unrolled, state by state."""

_BOUNDS: Final = re.compile(r"\{(\d*),?(\d*)\}")

_REPEATED_REPETITION: Final = re.compile(
    r"\((?:\?:)?"
    r"(?:\\.|\[(?:\\.|[^\]\\])*\]|[^()\\\[|])[+*]"  # one character or class, repeated without bound
    r"\)[+*]"
)
"""Such as `(a+)+`: it says no more than `a+`, in exponentially many ways."""


def check_limits(wanted: StructuredOutput) -> None:
    """Raise `InvalidRequestError` (`invalid_json_schema`) for what is over a limit, or is no JSON where it must be."""
    if wanted.json_object is not None:
        return
    if wanted.choice is not None:
        _check_choice(wanted, wanted.choice)
    elif wanted.json is not None:
        _check_json(wanted, "json", wanted.json)
    elif wanted.structural_tag is not None:
        _check_json(wanted, "structural_tag", wanted.structural_tag)
    elif wanted.regex is not None:
        _check_text(wanted, "regex", wanted.regex)
        _check_repetitions(wanted, wanted.regex)
    else:
        _check_text(wanted, "grammar", wanted.grammar or "")


def refusal(wanted: StructuredOutput, message: str) -> InvalidRequestError:
    """The error that names the request's own field. `message` says what is wrong and what to do."""
    return InvalidRequestError(f"Invalid '{wanted.param}': {message}", param=wanted.param, code="invalid_json_schema")


def _check_text(wanted: StructuredOutput, kind: str, text: str) -> None:
    size, limit = len(text.encode()), MAX_BYTES[kind]
    if size > limit:
        raise _over(wanted, f"bytes of '{kind}'", limit, size)
    if "\x00" in text:
        raise refusal(wanted, f"'{kind}' contains a NUL character. Leave it out.")
    if kind not in ("regex", "choice") and not text.strip():
        raise refusal(wanted, f"'{kind}' is empty. Fill it or leave it out.")


def _check_choice(wanted: StructuredOutput, choices: list[str]) -> None:
    if not choices:
        raise refusal(wanted, "'choice' is empty. Give at least one value.")
    if len(choices) > MAX_CHOICES:
        raise _over(wanted, "values of 'choice'", MAX_CHOICES, len(choices))
    _check_text(wanted, "choice", "".join(choices))


def _check_json(wanted: StructuredOutput, kind: str, text: str) -> None:
    _check_text(wanted, kind, text)
    try:
        document = jiter.from_json(text.encode(), allow_inf_nan=False, cache_mode="none")
    except ValueError as error:
        raise refusal(wanted, f"'{kind}' is not valid JSON, or nested too deeply. Correct it.") from error
    if not isinstance(document, dict):
        raise refusal(wanted, f"'{kind}' must be a JSON object. Give one with a 'type'.")
    census = _Census(wanted, MAX_NESTING[kind])
    census.count(document)


class _Census:
    """Counts what a JSON document holds, wherever it stands, and stops at the first thing that is too much."""

    def __init__(self, wanted: StructuredOutput, max_nesting: int) -> None:
        self._wanted = wanted
        self._max_nesting = max_nesting
        self._properties = 0
        self._values = 0

    def count(self, document: dict[str, Any]) -> None:
        todo: list[tuple[Any, int]] = [(document, 1)]
        while todo:
            value, level = todo.pop()
            if level > self._max_nesting:
                raise _over(self._wanted, "levels of nesting", self._max_nesting, level, "or more")
            if isinstance(value, dict):
                self._look_at(value)
            inside = value.values() if isinstance(value, dict) else value
            todo += [(each, level + 1) for each in inside if isinstance(each, (dict, list))]

    def _look_at(self, schema: dict[str, Any]) -> None:
        if isinstance(properties := schema.get("properties"), dict):
            self._properties += len(properties)
        if self._properties > MAX_PROPERTIES:
            raise _over(self._wanted, "properties", MAX_PROPERTIES, self._properties, "or more")
        if isinstance(values := schema.get("enum"), list):
            self._values += len(values)
        if self._values > MAX_CHOICES:
            raise _over(self._wanted, "values of 'enum'", MAX_CHOICES, self._values, "or more")
        if isinstance(pattern := schema.get("pattern"), str):
            self._check_pattern(pattern)
        if isinstance(ref := schema.get("$ref"), str) and not ref.startswith("#"):
            raise refusal(self._wanted, "'$ref' may only point into the schema itself. Begin it with '#'.")

    def _check_pattern(self, pattern: str) -> None:
        size = len(pattern.encode())
        if size > MAX_PATTERN_BYTES:
            raise _over(self._wanted, "bytes of 'pattern'", MAX_PATTERN_BYTES, size)
        if "\x00" in pattern:
            raise refusal(self._wanted, "'pattern' contains a NUL character. Leave it out.")
        _check_repetitions(self._wanted, pattern)


def _check_repetitions(wanted: StructuredOutput, pattern: str) -> None:
    if _REPEATED_REPETITION.search(pattern):
        raise refusal(wanted, "a repetition of nothing but a repetition, such as '(a+)+'. Write 'a+'.")
    for bounds in _BOUNDS.finditer(pattern):
        for bound in bounds.groups():
            # Compared by length first: Python refuses to convert thousands of digits.
            if len(bound) > len(str(MAX_REPETITIONS)) or int(bound or 0) > MAX_REPETITIONS:
                raise _over(wanted, "repetitions of one part of a pattern", MAX_REPETITIONS, bound[:20])


def _over(wanted: StructuredOutput, what: str, limit: int, got: object, more: str = "") -> InvalidRequestError:
    return refusal(wanted, f"expected at most {limit} {what}, but got {got}{more and ' '}{more}. Simplify it.")
