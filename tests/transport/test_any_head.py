"""The checks of a head by themselves: whatever they are given they pass it or raise our own error; limits are exact."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import ConnectionEndingError, HeadTooLargeError, MalformedHttpError, UrlTooLongError
from service.transport.head import MAX_HEADERS, MAX_URL_BYTES, HeadMeter, check_framing, split_target

NAMES = st.sampled_from([b"host", b"transfer-encoding", b"content-length", b"a"]) | st.binary(max_size=8)
VALUES = st.sampled_from([b"chunked", b" Chunked ", b"gzip, chunked", b"", b"x"]) | st.binary(max_size=8)
TARGETS = st.binary(max_size=40) | st.text("/?#:@[]%.a1\\ \x00é", max_size=20).map(str.encode)


@settings(deadline=None)
@given(TARGETS)
def test_any_target_has_a_path_or_is_malformed(target: bytes) -> None:
    try:
        path, query = split_target(target)
    except MalformedHttpError:
        return
    assert path in target and query in target


@settings(deadline=None)
@given(
    st.sampled_from([b"GET", b"POST", b"CONNECT", b""]),
    st.sampled_from(["1.0", "1.1", "2.0", "0.9", ""]),
    st.lists(st.tuples(NAMES, VALUES), max_size=5),
)
def test_any_head_is_framed_in_one_way_or_malformed(
    method: bytes, version: str, headers: list[tuple[bytes, bytes]]
) -> None:
    names = [name for name, _ in headers]
    try:
        check_framing(method, version, headers)
    except MalformedHttpError:
        return
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    assert method != b"CONNECT" and version in ("1.0", "1.1")
    assert names.count(b"host") <= 1 and (version == "1.0" or b"host" in names)
    assert codings in ([], [b"chunked"]) and not (codings and version == "1.0")


@settings(deadline=None)
@given(st.lists(st.binary(max_size=3000), max_size=8))
def test_a_url_is_taken_up_to_exactly_its_limit_however_it_comes(parts: list[bytes]) -> None:
    meter = HeadMeter(10**9)
    try:
        for part in parts:
            meter.add_url(part)
    except UrlTooLongError:
        assert sum(map(len, parts)) > MAX_URL_BYTES
    else:
        assert sum(map(len, parts)) <= MAX_URL_BYTES


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=40)), max_size=20), st.integers(1, 600))
def test_headers_are_taken_up_to_exactly_their_limit(headers: list[tuple[bytes, bytes]], most: int) -> None:
    size = sum(len(name) + len(value) + 4 for name, value in headers)
    meter = HeadMeter(most)
    try:
        for name, value in headers:
            meter.add_header(name, value)
    except HeadTooLargeError:
        assert size > most
    else:
        assert size <= most


@pytest.mark.parametrize("url", [0, 1000])
def test_the_url_counts_as_part_of_the_head(url: int) -> None:
    meter = HeadMeter(1000 + url)
    meter.add_url(b"x" * url)
    meter.add_header(b"a", b"x" * 995)
    with pytest.raises(ConnectionEndingError):
        meter.add_header(b"", b"")


def test_header_fields_are_counted_exactly() -> None:
    meter = HeadMeter(10**9)
    for _ in range(MAX_HEADERS):
        meter.add_header(b"a", b"b")
    with pytest.raises(HeadTooLargeError, match="128"):
        meter.add_header(b"a", b"b")
