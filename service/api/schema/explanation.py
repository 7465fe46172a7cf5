"""`explain`: pydantic's complaint about a request as one error in OpenAI's words and with OpenAI's codes.

Only the first complaint is told. Text that may be a prompt is never repeated.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from service.api.schema.refusal import KINDS, escaped, shown
from service.errors import InvalidRequestError

Explanation: TypeAlias = tuple[str, str]
"""Code and message."""

EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "union_tag_not_found": "a string or an array",
}

PRIVATE: Final = ("messages", "prompt", "input", "prediction")
"""Fields whose values are the caller's text."""


def explain(error: ValidationError) -> InvalidRequestError:
    """The first thing that is wrong."""
    first = error.errors(include_url=False)[0]
    param = _path(first["loc"], first.get("ctx", {}).get("field", ""))
    code, message = _explanation(first, param)
    return InvalidRequestError(message, param=param or None, code=code)


def _path(loc: Sequence[int | str], field: str) -> str:
    path = "".join(_step(each) for each in loc)
    if field:
        path += escaped(field) if field.startswith("[") else f".{escaped(field)}"
    return path.removeprefix(".")


def _step(each: int | str) -> str:
    if isinstance(each, int):
        return f"[{each}]"
    # The tags of our unions stand in round brackets, and pydantic marks keys so; neither is part of the document.
    is_mark = each == "[key]" or (each.startswith("(") and each.endswith(")"))
    return "" if is_mark else f".{escaped(each)}"


def _explanation(first: ErrorDetails, param: str) -> Explanation:
    kind, context = first["type"], first.get("ctx", {})
    if "message" in context:
        return kind, context["message"]
    if kind in EXPECTED:
        return "invalid_type", _wrong_type(EXPECTED[kind], first["input"], param)
    if kind in EXPLANATIONS:
        return EXPLANATIONS[kind](param, first["input"], context)
    return "invalid_value", f"Invalid '{param}': {first['msg']}."


def _wrong_type(expected: str, given: object, param: str) -> str:
    got = KINDS.get(type(given), "something else")
    if type(given) in (bool, int, float, str) and not param.startswith(PRIVATE):
        got += f" ({shown(given)})"
    return f"Invalid type for '{param}': expected {expected}, but got {got} instead."


def _missing(param: str, given: object, context: Mapping[str, object]) -> Explanation:
    return "missing_required_parameter", f"Missing required parameter: '{param}'."


def _unsupported(param: str, given: object, context: Mapping[str, object]) -> Explanation:
    return "invalid_value", f"Invalid value for '{param}': {shown(given)}. Supported values are: {context['expected']}."


def _too_large(param: str, given: object, context: Mapping[str, object]) -> Explanation:
    return _out_of_bounds(param, given, context, {"le": "<=", "lt": "<"}, "above", "maximum", "max")


def _too_small(param: str, given: object, context: Mapping[str, object]) -> Explanation:
    return _out_of_bounds(param, given, context, {"ge": ">=", "gt": ">"}, "below", "minimum", "min")


def _out_of_bounds(
    param: str, given: object, context: Mapping[str, object], signs: Mapping[str, str], side: str, end: str, short: str
) -> Explanation:
    name = next(name for name in signs if name in context)
    number = "decimal" if isinstance(context[name], float) else "integer"
    return f"{number}_{side}_{short}_value", (
        f"Invalid '{param}': {number} {side} {end} value. "
        f"Expected a value {signs[name]} {_plain(context[name])}, but got {shown(given)} instead."
    )


def _plain(bound: object) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _long(param: str, given: object, context: Mapping[str, object]) -> Explanation:
    limit, length = context["max_length"], len(given) if isinstance(given, (list, str)) else "more"
    what = "array" if isinstance(given, list) else "string"
    return f"{what}_above_max_length", (
        f"Invalid '{param}': {what} too long. Expected at most length {limit}, but got {length} instead."
    )


def _short(param: str, given: object, context: Mapping[str, object]) -> Explanation:
    what = "string" if isinstance(given, str) else "array"
    article = "a" if what == "string" else "an"
    return f"empty_{what}", f"Invalid '{param}': empty {what}. Expected {article} {what} with at least one element."


def _not_finite(param: str, given: object, context: Mapping[str, object]) -> Explanation:
    return "invalid_value", f"Invalid '{param}': expected a finite number, but got {shown(given)} instead."


def _not_matching(param: str, given: object, context: Mapping[str, object]) -> Explanation:
    expected = f"expected a string that matches {context['pattern']}"
    return "invalid_value", f"Invalid '{param}': {expected}, but got {shown(given)} instead."


EXPLANATIONS: Final[Mapping[str, Callable[[str, object, Mapping[str, object]], Explanation]]] = {
    "missing": _missing,
    "literal_error": _unsupported,
    "less_than_equal": _too_large,
    "less_than": _too_large,
    "greater_than_equal": _too_small,
    "greater_than": _too_small,
    "too_long": _long,
    "string_too_long": _long,
    "too_short": _short,
    "string_too_short": _short,
    "finite_number": _not_finite,
    "string_pattern_mismatch": _not_matching,
}
