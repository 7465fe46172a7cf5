"""Connections need descriptors, of which there are only so many."""

import resource
from collections.abc import Iterator

import pytest

from service.descriptors import limit_needed, raise_limit
from service.errors import ConfigurationError


@pytest.fixture(autouse=True)
def restored_limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_limit_that_is_too_low_is_raised_as_far_as_needed() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    raise_limit(1000)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (limit_needed(1000, None), hard)
    raise_limit(10)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (limit_needed(1000, None), hard)


def test_more_connections_than_descriptors_are_refused_and_the_possible_number_named() -> None:
    with pytest.raises(
        ConfigurationError, match=r"server.max_connections is 4096, .* only 4096; use at most \d+,"
    ) as e:
        limit_needed(4096, 4096)
    possible = int(e.value.message.split("use at most ")[1].split(",")[0])
    assert limit_needed(possible, 4096) == 4096
