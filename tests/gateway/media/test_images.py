"""Images of a request: what is refused, in which order, and what reaches the engine."""

import base64
from typing import Any

import pytest

from service.engine.prompts import ChatPrompt, TextPrompts
from service.errors import InvalidRequestError
from service.gateway.media.budget import Meter
from service.gateway.media.images import Images
from service.gateway.media.source import ImageSource
from service.settings import MediaSettings
from tests.engine_info import INFO, with_images
from tests.pictures import FORMATS, data_url, picture

CHAT = ChatPrompt(messages=[{"role": "user", "content": [{"type": "image"}]}])


def sources(*urls: str) -> list[ImageSource]:
    return [ImageSource(url, f"messages[0].content[{at}].image_url.url") for at, url in enumerate(urls)]


async def refusal(*urls: str, of_model: int = 99, fetcher: Any = None, **limits: int) -> InvalidRequestError:
    images = Images(MediaSettings.model_validate(limits), fetcher)
    with pytest.raises(InvalidRequestError) as refused:
        await images.attach(CHAT, sources(*urls), with_images(of_model))
    return refused.value


class NoFetcher:
    """Fails the test when it is used."""

    async def fetch(self, source: ImageSource, meter: Meter) -> bytes:
        raise AssertionError("fetched")


@pytest.mark.parametrize("format", FORMATS)
async def test_every_format_reaches_the_engine_as_it_came(format: str) -> None:
    data = picture(size=(40, 30), format=format)
    (source,) = sources(data_url(data, "image/png"))
    prompt = await Images(MediaSettings()).attach(CHAT, [source], with_images(1))
    assert isinstance(prompt, ChatPrompt)
    (image,) = prompt.images
    assert (image.data, image.width, image.height, image.field) == (data, 40, 30, source.field)


async def test_images_keep_their_order() -> None:
    files = [picture(size=(at + 1, 300 - at * 70)) for at in range(4)]
    prompt = await Images(MediaSettings()).attach(CHAT, sources(*map(data_url, files)), with_images(4))
    assert isinstance(prompt, ChatPrompt)
    assert [image.data for image in prompt.images] == files


async def test_a_prompt_without_images_is_left_alone() -> None:
    prompt = TextPrompts(prompts=["Once"])
    assert await Images(MediaSettings()).attach(prompt, [], INFO) is prompt


@pytest.mark.parametrize("url", ["http://images.test/a.png", "data:image/png;base64,%%%", "data:,"])
async def test_a_text_model_refuses_before_anything_is_looked_at(url: str) -> None:
    error = await refusal(url, of_model=0, fetcher=NoFetcher())
    assert (error.code, error.param) == ("unsupported_value", "messages[0].content[0].image_url.url")
    assert "reads only text" in error.message


@pytest.mark.parametrize(("of_model", "of_settings"), [(2, 9), (9, 2)])
async def test_too_many_images_are_refused_before_anything_is_looked_at(of_model: int, of_settings: int) -> None:
    urls = ["http://images.test/a.png"] * 3
    error = await refusal(*urls, of_model=of_model, fetcher=NoFetcher(), max_images=of_settings)
    assert (error.code, error.param) == ("too_many_images", "messages[0].content[2].image_url.url")
    assert "has 3 images, but may have 2 at most" in error.message


PNG = base64.b64encode(picture()).decode()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("data:image/png;base64", "invalid_image_url"),
        ("data:image/png," + PNG, "invalid_image_url"),
        ("data:image/png;charset=utf-8;base64," + PNG, "invalid_image_url"),
        ("data:image/png;" + "base64;" * 20 + "," + PNG, "invalid_image_url"),
        ("data:;base64," + PNG, "unsupported_image_media_type"),
        ("data:image/svg+xml;base64,PHN2Zy8+", "unsupported_image_media_type"),
        ("data:text/html;base64," + PNG, "unsupported_image_media_type"),
        ("data:image/png;base64,", "empty_image_file"),
        ("data:image/png;base64,A", "invalid_base64_image"),
        ("data:image/png;base64," + PNG[:-1], "invalid_base64_image"),
        ("data:image/png;base64," + PNG + "\n", "invalid_base64_image"),
        ("data:image/png;base64,=" + PNG, "invalid_base64_image"),
        ("data:image/png;base64,iVBORw==" + PNG, "invalid_base64_image"),
        ("data:image/png;base64," + PNG[:40] + " " + PNG[40:], "invalid_base64_image"),
        ("data:image/png;base64," + PNG.replace("A", "-"), "invalid_base64_image"),
        ("data:image/png;base64," + PNG.replace("A", "%41"), "invalid_base64_image"),
        ("data:image/png;base64,ä" + PNG, "invalid_base64_image"),
        ("data:image/png;base64," + "QUJD" * 100, "invalid_image_format"),
        ("data:image/png;base64," + PNG[:16], "image_parse_error"),
    ],
)
async def test_data_urls_that_are_refused(url: str, code: str) -> None:
    error = await refusal(url)
    assert (error.code, error.param) == (code, "messages[0].content[0].image_url.url")
    assert "messages[0].content[0]" in error.message and PNG[:30] not in error.message


async def test_padding_may_not_hide_between_two_pieces() -> None:
    error = await refusal("data:image/png;base64," + "A" * (2**18 - 2) + "==" + PNG)
    assert error.code == "invalid_base64_image"


async def test_a_scheme_may_be_written_in_capitals() -> None:
    (source,) = sources("DATA:IMAGE/PNG;BASE64," + PNG)
    assert await Images(MediaSettings()).attach(CHAT, [source], with_images(1)) != CHAT


async def test_an_image_over_the_cap_is_refused_by_its_length_before_it_is_decoded() -> None:
    error = await refusal("data:image/png;base64," + "%" * 2000, max_image_bytes=1000)
    assert error.code == "image_file_too_large"
    assert "may have 1000 at most" in error.message


async def test_an_image_of_exactly_the_cap_is_taken() -> None:
    data = picture()
    limits = MediaSettings(max_image_bytes=len(data))
    assert await Images(limits).attach(CHAT, sources(data_url(data)), with_images(1)) != CHAT
    assert (await refusal(data_url(data), max_image_bytes=len(data) - 1)).code == "image_file_too_large"


async def test_images_are_counted_together() -> None:
    data = picture()
    error = await refusal(*[data_url(data)] * 3, max_request_bytes=len(data) * 3 - 1)
    assert error.code == "image_file_too_large"
    assert f"{len(data) * 3} bytes or more, but may have {len(data) * 3 - 1} at most together" in error.message


async def test_pixels_are_counted_together_before_anything_is_decoded() -> None:
    error = await refusal(data_url(picture(size=(10, 9))), data_url(picture(size=(10, 9))), max_request_pixels=179)
    assert error.code == "image_too_large"
    assert "10 x 9 pixels, which makes 180" in error.message


async def test_urls_are_refused_where_nothing_is_fetched() -> None:
    error = await refusal("https://images.test/a.png")
    assert error.code == "invalid_image_url"
    assert "fetches no images" in error.message
