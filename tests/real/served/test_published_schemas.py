"""What the real model answers validates against OpenAI's published schemas too."""

import json
from typing import Any

import httpx
import pytest

from service.models.bundled import BUNDLED as MODEL
from tests.api.openapi.kinds import CHAT, CHATS, TEXT, TEXTS, body, events
from tests.api.openapi.published import problems
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

# A few tokens are of one shape with many; those have limits of their own, or none but the end of a form.
FORCED = ("a tool that must be called", "a named tool", "a call with logprobs", "functions", "an object", "a schema")
KINDS = [(CHAT, name, fields) for name, fields in CHATS.items()] + [
    (TEXT, name, fields) for name, fields in TEXTS.items()
]


@pytest.mark.parametrize(("path", "name", "fields"), KINDS, ids=[f"{path} {name}" for path, name, _ in KINDS])
def test_answers_and_events(service: ServiceProcess, path: str, name: str, fields: dict[str, Any]) -> None:
    limit = {"max_tokens": 64 if name in FORCED else 6}
    whole, chunk = {
        CHAT: ("CreateChatCompletionResponse", "CreateChatCompletionStreamResponse"),
        TEXT: ("CreateCompletionResponse", "TextCompletionChunk"),
    }[path]
    with httpx.Client(base_url=service.url, timeout=60) as client:
        answer = client.post(path, json=body(MODEL, path, **{**limit, **fields}))
        stream = client.post(path, json=body(MODEL, path, **{**limit, **fields, "stream": True}))
    assert answer.status_code == 200, answer.text
    assert problems(whole, answer.json()) == []
    assert [found for event in events(stream) for found in problems(chunk, json.loads(event))] == []
