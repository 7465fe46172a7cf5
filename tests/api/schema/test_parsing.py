"""Bytes that are not one JSON object are refused, quickly and in one way."""

import pytest
from pydantic import ValidationError

from service.api.schema import ChatCompletionRequest, CompletionRequest, parse
from service.errors import InvalidRequestError

VALID = b'{"model":"m","prompt":"Once"}'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n", id="white space"),
        pytest.param(b"{", id="unfinished"),
        pytest.param(VALID[:-1] + b",}", id="trailing comma"),
        pytest.param(VALID + b" x", id="trailing data"),
        pytest.param(VALID + VALID, id="two documents"),
        pytest.param(b"\xef\xbb\xbf" + VALID, id="BOM"),
        pytest.param(VALID.decode().encode("utf-16"), id="UTF-16"),
        pytest.param(VALID.decode().encode("utf-32-le"), id="UTF-32"),
        pytest.param(b'{"model":"m","prompt":"\xff"}', id="invalid UTF-8"),
        pytest.param(b'{"model":"m","prompt":"\xed\xa0\x80"}', id="surrogate in UTF-8"),
        pytest.param(b'{"model":"m","prompt":"\\ud800"}', id="lone leading surrogate"),
        pytest.param(b'{"model":"m","prompt":"\\udc00 "}', id="lone trailing surrogate"),
        pytest.param(b'{"model":"m","prompt":"a\tb"}', id="raw control character"),
        pytest.param(b'{"model":"m","prompt":"a","prompt":"b"}', id="duplicate key"),
        pytest.param(b'{"model":"m","prompt":"a","\\u0070rompt":"b"}', id="duplicate key, escaped"),
        pytest.param(b'{"model":"m","prompt":"a","metadata":{"a":"b","a":"c"}}', id="duplicate key inside"),
        pytest.param(b'{"model":"m","prompt":"a","temperature":NaN}', id="NaN"),
        pytest.param(b'{"model":"m","prompt":"a","temperature":-Infinity}', id="Infinity"),
        pytest.param(b'{"model":"m","prompt":"a","seed":' + b"9" * 5000 + b"}", id="endless number"),
        pytest.param(b'{"model":"m","prompt":' + b"[" * 1_000, id="1,000 deep"),
        pytest.param(b'{"model":"m","prompt":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="100,000 deep"),
        pytest.param(b'{"a":' * 100_000, id="100,000 objects deep"),
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        parse(CompletionRequest, body)
    assert (refused.value.code, refused.value.param) == ("invalid_json", None)
    assert "UTF-8" in refused.value.message


@pytest.mark.parametrize(
    ("body", "kind"), [(b"null", "null"), (b"[]", "an array"), (b'"a"', "a string"), (b"1", "an integer")]
)
def test_what_is_not_an_object_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"must be a JSON object, but is {kind}") as refused:
        parse(ChatCompletionRequest, body)
    assert refused.value.code == "invalid_type"


def test_nesting_that_is_allowed_does_not_upset_the_models() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        parse(CompletionRequest, b'{"model":"m","prompt":' + b"[" * 150 + b"]" * 150 + b"}")
    assert (refused.value.code, refused.value.param) == ("invalid_type", "prompt[0][0]")


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse(CompletionRequest, b'{"model":"m","prompt":"\\ud83d\\ude00"}').prompt == "\N{GRINNING FACE}"


def test_a_message_repeats_little_of_a_value_and_nothing_that_breaks_a_log_line() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        parse(CompletionRequest, b'{"model":"m","prompt":"a","\\n\\u202e' + b"x" * 10_000 + b'":1}')
    assert "\\n\\u202ex" in refused.value.message
    assert refused.value.message.isprintable() and len(refused.value.message) < 250
    assert refused.value.param is not None and refused.value.param.isprintable() and len(refused.value.param) < 120


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(b'"messages":[' + b'{"role":"x"},' * 50_000 + b'{"role":"x"}]', id="messages"),
        pytest.param(b'"messages":[{"role":"user","content":[' + b"1," * 50_000 + b"1]}]", id="parts"),
        pytest.param(b'"stop":[' + b"1," * 50_000 + b"1]", id="stop"),
        pytest.param(b'"stop_token_ids":[' + b'"",' * 50_000 + b"1]", id="token ids"),
        pytest.param(b'"logit_bias":{' + b",".join(b'"k%d":""' % i for i in range(20_000)) + b"}", id="logit_bias"),
        pytest.param(b",".join(b'"k%d":""' % i for i in range(20_000)), id="unknown fields"),
    ],
)
def test_a_hundred_thousand_faults_are_one_error(field: bytes) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        parse(ChatCompletionRequest, b'{"model":"m",' + field + b"}")
    # One error object for each fault would hold the event loop for half a second.
    assert isinstance(refused.value.__cause__, ValidationError)
    assert refused.value.__cause__.error_count() <= 2
