"""Counting what a body will cost to parse."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.json_cost import JsonCost

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a"\\,:[{}]'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='a"\\,{'), inner, max_size=4),
    max_leaves=20,
)


def cost_of(*pieces: bytes) -> int:
    cost = JsonCost()
    for piece in pieces:
        cost.add(piece)
    return cost.total


def expected(value: object) -> int:
    """The cost by its definition, from the values themselves."""
    if isinstance(value, dict):
        return 4 + 4 * len(value) + max(len(value) - 1, 0) + sum(map(expected, value.values()))
    if isinstance(value, list):
        return 4 + max(len(value) - 1, 0) + sum(map(expected, value))
    return 0


@given(VALUES, st.integers(1, 7))
def test_only_punctuation_outside_of_strings_counts_however_it_is_cut(value: object, size: int) -> None:
    body = json.dumps(value).encode()
    assert cost_of(*(body[at : at + size] for at in range(0, len(body), size))) == expected(value)


@pytest.mark.parametrize("text", ["[" * 1000, "{a: [1, 2]}" * 1000, "é" * 1000])
def test_what_a_string_holds_costs_nothing(text: str) -> None:
    assert cost_of(json.dumps([text], ensure_ascii=False).encode()) == 4


@pytest.mark.parametrize("text", ["\\" * 400, '",' * 800, "\n" * 800, "é" * 800])
def test_escapes_in_a_string_cost_a_little(text: str) -> None:
    assert cost_of(json.dumps([text]).encode()) == 4 + 100


@given(st.lists(st.binary(max_size=12) | st.text('a"\\,:[{}]', max_size=12).map(str.encode), max_size=8))
def test_whatever_bytes_come_they_cost_the_same_however_they_are_cut(pieces: list[bytes]) -> None:
    """But for escapes: of each piece, up to seven go uncounted."""
    assert 0 <= cost_of(b"".join(pieces)) - cost_of(*pieces) <= len(pieces)
