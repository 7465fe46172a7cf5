"""The tree of errors: each class's status, type and code, and OpenAI's shape around all of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.errors import OverloadedError, TidegateError, UnavailableError, error_classes

ANSWERED = {
    "TidegateError": (500, "server_error", "internal_error"),
    "ConfigurationError": (500, "server_error", "configuration_error"),
    "InvalidRequestError": (400, "invalid_request_error", "invalid_value"),
    "ContextLengthError": (400, "invalid_request_error", "context_length_exceeded"),
    "SlowReaderError": (400, "invalid_request_error", "reader_too_slow"),
    "ConnectionEndingError": (400, "invalid_request_error", "invalid_value"),
    "MalformedHttpError": (400, "invalid_request_error", "malformed_request"),
    "AuthenticationError": (401, "invalid_request_error", "invalid_api_key"),
    "PermissionDeniedError": (403, "invalid_request_error", "permission_denied"),
    "ModelNotFoundError": (404, "invalid_request_error", "model_not_found"),
    "RouteNotFoundError": (404, "invalid_request_error", "not_found"),
    "MethodNotAllowedError": (405, "invalid_request_error", "method_not_allowed"),
    "RequestTimeoutError": (408, "invalid_request_error", "request_timeout"),
    "BodyTooLargeError": (413, "invalid_request_error", "request_too_large"),
    "UrlTooLongError": (414, "invalid_request_error", "url_too_long"),
    "MediaTypeError": (415, "invalid_request_error", "unsupported_media_type"),
    "HeadTooLargeError": (431, "invalid_request_error", "headers_too_large"),
    "InternalError": (500, "server_error", "internal_error"),
    "UnavailableError": (503, "service_unavailable_error", "engine_unavailable"),
    "EngineUnavailableError": (503, "service_unavailable_error", "engine_unavailable"),
    "EngineDiedError": (503, "service_unavailable_error", "engine_unavailable"),
    "TooManyConnectionsError": (503, "service_unavailable_error", "too_many_connections"),
    "OverloadedError": (503, "service_unavailable_error", "server_is_overloaded"),
    "ShuttingDownError": (503, "service_unavailable_error", "shutting_down"),
}


def test_the_whole_tree_is_drawn_at_its_top_and_listed_here() -> None:
    assert ANSWERED.keys() == error_classes().keys()
    assert [name for name in error_classes() if name not in (errors.__doc__ or "")] == []


@pytest.mark.parametrize(("name", "answer"), ANSWERED.items())
def test_an_error_is_answered_as_openai_would(name: str, answer: tuple[int, str, str]) -> None:
    error = error_classes()[name]("Why.")
    assert (error.status, error.type, error.code) == answer


@pytest.mark.parametrize("cls", error_classes().values())
@given(message=st.text(), param=st.none() | st.text(), code=st.none() | st.text(min_size=1))
def test_all_four_members_are_always_there_and_the_code_is_a_string(
    cls: type[TidegateError], message: str, param: str | None, code: str | None
) -> None:
    error = cls(message, param=param, code=code)
    shown = json.loads(error.body())["error"]
    assert set(shown) == {"message", "type", "param", "code"}
    assert isinstance(shown["code"], str) and (shown["message"], shown["param"]) == (message, param)
    assert error.event() == b"data: " + error.body() + b"\n\n" and b"\n" not in error.body()


@pytest.mark.parametrize("cls", [cls for cls in error_classes().values() if issubclass(cls, UnavailableError)])
def test_what_is_unavailable_says_when_to_come_back(cls: type[UnavailableError]) -> None:
    assert 1 <= int(cls("Why.").headers["retry-after"]) <= 120


@given(st.floats())
def test_to_come_back_is_asked_for_between_1_and_120_seconds_whatever_was_measured(seconds: float) -> None:
    assert 1 <= OverloadedError("Why.", retry_after=seconds).retry_after <= 120
