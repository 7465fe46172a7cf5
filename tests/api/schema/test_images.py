"""The form of image parts: what is taken, and what is refused with which path."""

from typing import Any

import pytest

from service.api.schema import ChatCompletionRequest, TokenizeRequest, parse
from service.gateway.media.source import ImageSource
from tests.api.schema.bodies import chat, refused_chat
from tests.pictures import image_part

URL = "data:image/png;base64,AAAA"
TEXT = {"type": "text", "text": "Hi"}


def refused(part: dict[str, Any], role: str = "user") -> tuple[str, str, str]:
    code, param, message = refused_chat(messages=[{"role": role, "content": [TEXT, part]}])
    return code, param.removeprefix("messages[0].content[1]"), message


@pytest.mark.parametrize("detail", [None, "auto", "low", "high", "original"])
def test_an_image_is_found_and_its_place_stays(detail: str | None) -> None:
    part = {"type": "image_url", "image_url": {"url": URL, "detail": detail}}
    request = chat(messages=[{"role": "user", "content": "Hi"}, {"role": "user", "content": [TEXT, part]}])
    assert request.images == (ImageSource(URL, "messages[1].content[1].image_url.url"),)
    assert request.to_prompt().messages[1]["content"] == [TEXT, {"type": "image"}]


def test_images_of_several_messages_come_in_their_order() -> None:
    contents = [[image_part(URL + str(at)), image_part(URL + str(at + 1))] for at in (0, 2)]
    request = chat(messages=[{"role": "user", "content": content} for content in contents])
    assert [source.url for source in request.images] == [URL + str(at) for at in range(4)]


def test_tools_may_answer_with_images() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    answer = {"role": "tool", "tool_call_id": "a", "content": [image_part(URL)]}
    assert len(chat(messages=[{"role": "assistant", "tool_calls": [call]}, answer]).images) == 1


@pytest.mark.parametrize("role", ["system", "developer", "assistant"])
def test_other_roles_show_no_images(role: str) -> None:
    assert refused(image_part(URL), role)[:2] == ("unsupported_value", ".type")


@pytest.mark.parametrize(
    ("part", "code", "path"),
    [
        ({}, "invalid_type", ".image_url"),
        ({"image_url": None}, "invalid_type", ".image_url"),
        ({"image_url": URL}, "invalid_type", ".image_url"),
        ({"image_url": {}}, "invalid_type", ".image_url.url"),
        ({"image_url": {"url": 5}}, "invalid_type", ".image_url.url"),
        ({"image_url": {"url": ""}}, "invalid_image_url", ".image_url.url"),
        ({"image_url": {"url": "file:///etc/passwd"}}, "invalid_image_url", ".image_url.url"),
        ({"image_url": {"url": "ftp://images.test/a.png"}}, "invalid_image_url", ".image_url.url"),
        ({"image_url": {"url": "//images.test/a.png"}}, "invalid_image_url", ".image_url.url"),
        ({"image_url": {"url": " " + URL}}, "invalid_image_url", ".image_url.url"),
        ({"image_url": {"url": URL, "detail": "best"}}, "invalid_value", ".image_url.detail"),
        ({"image_url": {"url": URL, "detail": 5}}, "invalid_value", ".image_url.detail"),
        ({"image_url": {"url": URL, "uuid": "a"}}, "unsupported_value", ".image_url.uuid"),
        ({"image_url": {"url": URL}, "uuid": "a"}, "unsupported_value", ".uuid"),
        ({"image_url": {"url": URL}, "text": "a"}, "unknown_parameter", ".text"),
        ({"image_url": {"url": URL, "size": 5}}, "unknown_parameter", ".image_url.size"),
    ],
)
def test_image_parts_that_are_refused(part: dict[str, Any], code: str, path: str) -> None:
    assert refused({"type": "image_url", **part})[:2] == (code, path)


def test_conversations_to_be_tokenised_have_images_too() -> None:
    body = b'{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}]}'
    assert parse(TokenizeRequest, body).images == (ImageSource("data:,", "messages[0].content[0].image_url.url"),)


def test_the_published_schema_knows_images() -> None:
    assert "image_url" in str(ChatCompletionRequest.model_json_schema())
