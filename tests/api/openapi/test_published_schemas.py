"""Every answer and every event validates against OpenAI's published schemas, and is what its own client expects."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from openai.types import CreateEmbeddingResponse, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from service.engine.base import Health, Phase
from service.errors import EngineUnavailableError, error_classes
from tests.api.live import MODEL, LiveApp, live_app, settings
from tests.api.openapi.kinds import CHAT, CHATS, MESSAGES, TEXT, TEXTS, body, events
from tests.api.openapi.published import problems


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Of a service whose model reasons and calls tools."""
    chosen = settings(text="The tide comes in.", reasoning="Hm. So.", tool_arguments='{"a": 1}')
    async with live_app(chosen) as app, app.http() as client:
        yield client


async def ask(client: httpx.AsyncClient, path: str, **fields: Any) -> httpx.Response:
    return await client.post(path, json=body(MODEL, path, **fields))


def check(name: str, type_: Any, document: bytes | str) -> None:
    assert problems(name, json.loads(document)) == [], document
    TypeAdapter(type_).validate_json(document, strict=True)


@pytest.mark.parametrize("fields", CHATS.values(), ids=CHATS.keys())
async def test_a_whole_chat_completion(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    response = await ask(client, CHAT, **fields)
    assert response.status_code == 200, response.text
    check("CreateChatCompletionResponse", ChatCompletion, response.content)


@pytest.mark.parametrize("fields", TEXTS.values(), ids=TEXTS.keys())
async def test_a_whole_completion(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    response = await ask(client, TEXT, **fields)
    assert response.status_code == 200, response.text
    check("CreateCompletionResponse", Any, response.content)


@pytest.mark.parametrize("fields", CHATS.values(), ids=CHATS.keys())
async def test_every_event_of_a_streamed_chat_completion(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    response = await ask(client, CHAT, stream=True, **fields)
    for event in events(response):
        check("CreateChatCompletionStreamResponse", ChatCompletionChunk, event)


@pytest.mark.parametrize("fields", TEXTS.values(), ids=TEXTS.keys())
async def test_every_event_of_a_streamed_completion(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    response = await ask(client, TEXT, stream=True, **fields)
    for event in events(response):
        check("TextCompletionChunk", Any, event)


@pytest.mark.parametrize("fields", [{}, {"encoding_format": "base64"}, {"input": ["a", "b"]}, {"input": [1, 2]}])
async def test_embeddings(embedding_app: LiveApp, fields: dict[str, Any]) -> None:
    async with embedding_app.http() as client:
        response = await client.post("/v1/embeddings", json={"model": MODEL, "input": "Once", **fields})
    assert response.status_code == 200, response.text
    check("CreateEmbeddingResponse", Any if "encoding_format" in fields else CreateEmbeddingResponse, response.content)


async def test_models(client: httpx.AsyncClient) -> None:
    check("Model", Model, (await client.get(f"/v1/models/{MODEL}")).content)
    check("ListModelsResponse", Any, (await client.get("/v1/models")).content)


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("POST", CHAT, {"json": {}}, 400),
        ("POST", CHAT, {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ("POST", CHAT, {"json": {"model": MODEL, "messages": MESSAGES, "tools": 1}}, 400),
        ("POST", CHAT, {"json": {"model": "none", "messages": MESSAGES}}, 404),
        ("POST", TEXT, {"json": {"model": MODEL, "prompt": [9999]}}, 400),
        ("POST", "/v1/embeddings", {"json": {"model": MODEL, "input": "Once"}}, 400),
        ("GET", CHAT, {}, 405),
        ("GET", "/v1/nothing", {}, 404),
        ("GET", "/v1/models/none", {}, 404),
        ("POST", TEXT, {"content": b"a=b", "headers": {"content-type": "text/plain"}}, 415),
        ("POST", TEXT, {"content": b"x" * 1_000_001}, 413),
        ("GET", "/" + "x" * 9000, {}, 414),
        ("GET", "/v1/models", {"headers": {"x": "x" * 70_000}}, 431),
    ],
)
async def test_errors(client: httpx.AsyncClient, method: str, path: str, sent: dict[str, Any], status: int) -> None:
    response = await client.request(method, path, **sent)
    assert response.status_code == status, response.text
    assert problems("ErrorResponse", response.json()) == []
    assert isinstance(response.json()["error"]["code"], str)


async def test_errors_of_a_service_that_is_not_ready() -> None:
    async with live_app(settings(), start=False) as app, app.http() as client:
        app.lifecycle.report(Health(Phase.LOADING_WEIGHTS, 0.5))
        response = await ask(client, CHAT)
    assert response.status_code == 503
    assert problems("ErrorResponse", response.json()) == []


def test_the_event_of_a_stream_that_breaks_off() -> None:
    event = EngineUnavailableError("The engine died.").event().removeprefix(b"data: ")
    assert problems("ErrorResponse", json.loads(event)) == []


@pytest.mark.parametrize("error", error_classes().values(), ids=error_classes().keys())
def test_every_error_has_a_code(error: type[Exception]) -> None:
    assert isinstance(error("Why.").code, str)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "instance"),
    [
        ("ErrorResponse", {"error": {"message": "", "type": None, "param": None, "code": None}}),
        ("Model", {"id": "m", "object": "model", "created": 1, "owned_by": "us", "permission": []}),
        ("CreateEmbeddingResponse", {"object": "list", "model": "m", "data": [], "usage": None}),
        ("ChatCompletionResponseMessage", {"role": "assistant", "content": "", "refusal": None, "tool_calls": None}),
        ("CompletionUsage", {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": None}),
    ],
)
def test_what_is_not_so_is_noticed(name: str, instance: Any) -> None:
    assert len(problems(name, instance)) == 1
