"""Images in chats, seen from outside, with the simulated engine: sixteen tokens each."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest

from service.settings import MediaSettings
from tests.api.live import MODEL, LiveApp, live_app, settings
from tests.image_server import answer, image_server
from tests.pictures import data_url, image_part, picture, showing

PICTURE = data_url(picture())
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
async def seeing() -> AsyncIterator[LiveApp]:
    """A ready service whose model takes images."""
    chosen = settings(text="A red square.", modalities=["text", "image"])
    async with live_app(chosen.model_copy(update={"media": MediaSettings(max_images=3)})) as running:
        yield running


async def ask(app: LiveApp, *urls: str, **fields: Any) -> Any:
    return await app.client.chat.completions.create(model=MODEL, messages=showing(*urls), **fields)


async def refused(app: LiveApp, *urls: str, **fields: Any) -> dict[str, Any]:
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(app, *urls, **fields)
    assert isinstance(caught.value.body, dict)
    return caught.value.body


async def test_an_image_is_answered_and_its_tokens_are_counted(seeing: LiveApp) -> None:
    without, with_one, with_two = [(await ask(seeing, *[PICTURE] * number)).usage for number in range(3)]
    # A new line stands between two parts.
    assert with_one.prompt_tokens - without.prompt_tokens == with_two.prompt_tokens - with_one.prompt_tokens == 17
    assert with_one.total_tokens == with_one.prompt_tokens + with_one.completion_tokens


async def test_an_answer_about_an_image_is_streamed(seeing: LiveApp) -> None:
    stream = await ask(seeing, PICTURE, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "A red square."
    assert chunks[-1].usage.prompt_tokens == (await ask(seeing, PICTURE)).usage.prompt_tokens


async def test_several_choices_and_tools_go_with_images(seeing: LiveApp) -> None:
    answer = await ask(seeing, PICTURE, n=3, tools=[TOOL], tool_choice="required")
    assert [choice.message.tool_calls[0].function.name for choice in answer.choices] == ["look"] * 3


async def test_images_count_for_the_context(seeing: LiveApp) -> None:
    rest = 8192 - (await ask(seeing, PICTURE)).usage.prompt_tokens
    assert (await ask(seeing, PICTURE, max_tokens=rest)).choices
    error = await refused(seeing, PICTURE, max_tokens=rest + 1)
    assert error["code"] == "context_length_exceeded"


async def test_a_conversation_with_an_image_is_tokenised(seeing: LiveApp) -> None:
    async with seeing.http() as client:
        answer = await client.post("/tokenize", json={"messages": showing(PICTURE)})
    assert answer.json()["count"] == (await ask(seeing, PICTURE)).usage.prompt_tokens


async def test_a_text_model_refuses_an_image(app: LiveApp) -> None:
    error = await refused(app, "http://images.test/a.png")
    assert (error["type"], error["code"]) == ("invalid_request_error", "unsupported_value")
    assert error["param"] == "messages[0].content[0].image_url.url"
    assert error["message"].endswith("the model sim reads only text. Leave images out, or ask a model that takes them.")


async def test_a_text_model_tokenises_no_image(app: LiveApp) -> None:
    async with app.http() as client:
        answer = await client.post("/tokenize", json={"messages": showing(PICTURE)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_value")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refused_image_has_a_status_of_its_own_streamed_or_not(seeing: LiveApp, stream: bool) -> None:
    assert (await refused(seeing, PICTURE, "data:image/png;base64,%", stream=stream))["code"] == "invalid_base64_image"
    assert (await refused(seeing, *[PICTURE] * 4, stream=stream))["code"] == "too_many_images"
    assert seeing.lifecycle.in_flight == 0


async def test_a_refusal_does_not_repeat_what_was_sent(seeing: LiveApp) -> None:
    error = await refused(seeing, "data:image/png;base64,c2VjcmV0")
    assert error["code"] == "invalid_image_format" and "c2VjcmV0" not in str(error) and "secret" not in str(error)


async def test_images_are_no_part_of_completions(seeing: LiveApp) -> None:
    async with seeing.http() as client:
        body = {"model": MODEL, "prompt": [image_part(PICTURE)]}
        answer: httpx.Response = await client.post("/v1/completions", json=body)
    assert answer.status_code == 400


async def test_an_image_is_fetched_where_its_host_is_allowed() -> None:
    chosen = settings(text="A red square.", modalities=["text", "image"])
    async with image_server(answer(picture())) as server:
        host = f"127.0.0.1:{server.port}"
        media = MediaSettings(allowed_hosts=[host], allow_private_addresses=True)
        async with live_app(chosen.model_copy(update={"media": media})) as app:
            by_url, by_value = [await ask(app, url) for url in (f"http://{host}/a.png", PICTURE)]
    assert by_url.usage == by_value.usage
    assert len(server.heads) == 1
