"""All bad input."""

from typing import Final

from tests.bad_input import bodies, conversations, grammars, heads, identity, parameters
from tests.bad_input.row import Row

FOR_ANY_ENGINE: Final[list[Row]] = [
    *parameters.rows(),
    *conversations.rows(),
    *bodies.rows(),
    *heads.rows(),
    *identity.rows(),
]

FOR_THE_REAL_ENGINE: Final[list[Row]] = [*FOR_ANY_ENGINE, *parameters.rows_for_the_real_engine(), *grammars.rows()]
