"""How a check inside a wire model says no, and how any value a caller sent may appear in a message."""

from collections.abc import Mapping
from typing import Final

from pydantic_core import PydanticCustomError

SHOWN: Final = 100
"""Characters of a caller's value that a message repeats at most."""

KINDS: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
}
"""What JSON calls the value."""


class RefusalError(PydanticCustomError):
    """Raised inside a validator. `field` is the path below the validated value, such as `name` or `[3].type`."""

    def __new__(cls, code: str, message: str, field: str = "") -> "RefusalError":
        # pydantic fills its template from the context, so braces in a caller's value stay what they are.
        return super().__new__(cls, code, "{message}", {"message": message, "field": field})


def escaped(text: str) -> str:
    """`text`, cut, and with nothing in it that could break a line of a log or turn a terminal's direction."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text[:SHOWN]
    ) + ("..." if len(text) > SHOWN else "")


def shown(value: object) -> str:
    """A scalar as JSON would write it; of anything with an inside only the kind."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case str():
            return f"'{escaped(value)}'"
        case int() | float():
            return escaped(str(value))
        case _:
            return KINDS.get(type(value), "something else")
