"""Identifiers are of one form and none is given twice, also where the reserve is renewed."""

import re

from service.ids import ID_BYTES, RESERVE_BYTES, IdSource


def test_none_is_given_twice() -> None:
    source = IdSource()
    ids = [source.next() for _ in range(3 * RESERVE_BYTES // ID_BYTES)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{24}", each) for each in ids)


def test_two_sources_give_different_ones() -> None:
    assert IdSource().next() != IdSource().next()
