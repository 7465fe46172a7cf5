"""Prompts that are too long to be told at once."""

import pytest

from service.engine.prompts import Prompt
from service.engine.rendered_limit import MAX_CARRIED, check_carried
from service.errors import InvalidRequestError

LIMITS = {"ids": (MAX_CARRIED, False), "ids and strings": (MAX_CARRIED // 5, True)}


def prompts(tokens: int, *, with_strings: bool) -> list[Prompt]:
    half = tokens // 2
    return [
        Prompt(token_ids=[1] * count, token_strings=["a"] * count if with_strings else None)
        for count in (half, tokens - half)
    ]


@pytest.mark.parametrize(("limit", "with_strings"), LIMITS.values(), ids=LIMITS)
def test_what_is_too_much_at_once_is_refused_and_the_limit_named(limit: int, with_strings: bool) -> None:
    check_carried(prompts(limit, with_strings=with_strings))
    with pytest.raises(InvalidRequestError, match=f"has {limit + 1} tokens, but at most {limit} "):
        check_carried(prompts(limit + 1, with_strings=with_strings))
