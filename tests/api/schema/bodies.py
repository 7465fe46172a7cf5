"""Small valid bodies for tests to spoil, and the error that a spoilt one gives."""

import json
from typing import Any

import pytest

from service.api.schema import ChatCompletionRequest, CompletionRequest, parse
from service.errors import InvalidRequestError

USER = {"role": "user", "content": "Hello"}


def chat(**fields: Any) -> ChatCompletionRequest:
    """A chat request with these fields."""
    return parse(ChatCompletionRequest, _body({"model": "m", "messages": [USER], **fields}))


def completion(**fields: Any) -> CompletionRequest:
    """A completion request with these fields."""
    return parse(CompletionRequest, _body({"model": "m", "prompt": "Once", **fields}))


def refused_chat(**fields: Any) -> tuple[str | None, str | None, str]:
    """Code, param and message of the refusal."""
    with pytest.raises(InvalidRequestError) as refused:
        chat(**fields)
    return refused.value.code, refused.value.param, refused.value.message


def refused_completion(**fields: Any) -> tuple[str | None, str | None, str]:
    """Code, param and message of the refusal."""
    with pytest.raises(InvalidRequestError) as refused:
        completion(**fields)
    return refused.value.code, refused.value.param, refused.value.message


def _body(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()
