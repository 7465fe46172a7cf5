"""Forms that no engine should be asked for. Only the real engine compiles them."""

from collections.abc import Iterator

from tests.bad_input.row import CHAT, Row, asks
from tests.grammar_bombs import BOMBS


def rows() -> Iterator[Row]:
    """All of them; a second is what compiling may take."""
    for name, fields in BOMBS.items():
        yield asks("grammars", CHAT, fields, 400, "invalid_json_schema", name=name, milliseconds=1000)
