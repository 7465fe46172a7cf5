"""One header field of a request."""

from service.request_header import header_of

SCOPE = {"headers": [(b"host", b"x"), (b"content-type", b"a"), (b"content-type", b"b")]}


def test_the_first_field_of_the_name_counts() -> None:
    assert header_of(SCOPE, b"content-type") == b"a"


def test_a_field_that_is_not_there_is_empty() -> None:
    assert header_of(SCOPE, b"traceparent") == b""
