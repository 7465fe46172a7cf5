"""Images through vLLM, with a tiny Idefics3 of random weights: what it says is noise, another noise for every image."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio
from PIL import Image

from service.engine.base import Engine
from service.engine.factory import build_engine
from service.engine.info import EngineInfo
from service.errors import InvalidRequestError
from service.settings import EngineSettings, MediaSettings, Settings
from service.telemetry import Telemetry
from tests import tiny_idefics
from tests.api.live import LiveApp, live_app
from tests.engine.contract import generate, greedy
from tests.engine.image_contract import ImageContract, shown
from tests.pictures import data_url, picture, showing

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
    # torch uses its own deprecated interfaces when it is imported.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_idefics.write(tmp_path_factory.mktemp("tiny"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(model: Path) -> AsyncIterator[LiveApp]:
    engine = EngineSettings.model_validate(
        {"model": str(model), "served_model_name": ["tiny"], "dtype": "float32", "max_model_len": 1024}
    )
    chosen = Settings(engine=engine, media=MediaSettings(max_images=4))
    async with live_app(chosen, engine=build_engine(chosen, Telemetry())) as running:
        yield running


@pytest.fixture
def seeing(app: LiveApp) -> Engine:
    return app.engine


@pytest.fixture
def info(app: LiveApp) -> EngineInfo:
    assert app.lifecycle.info is not None
    return app.lifecycle.info


class TestVllmWithImages(ImageContract):
    """See the contract."""


async def ask(app: LiveApp, *files: bytes, text: str = "What is this?", **fields: Any) -> Any:
    urls = [data_url(file) for file in files]
    fields = {"max_tokens": 4, "temperature": 0, "logprobs": True, "top_logprobs": 3, **fields}
    return await app.client.chat.completions.create(model="tiny", messages=showing(*urls, text=text), **fields)


async def logprobs(app: LiveApp, *files: bytes, **fields: Any) -> list[float]:
    answer = await ask(app, *files, **fields)
    return [top.logprob for token in answer.choices[0].logprobs.content for top in token.top_logprobs]


async def test_answers_depend_on_the_image_and_on_nothing_else(app: LiveApp) -> None:
    red, blue, again = [await logprobs(app, picture(colour)) for colour in ("red", "blue", "red")]
    assert red == again
    assert red != pytest.approx(blue, abs=1e-3)


async def test_the_order_of_images_matters(app: LiveApp) -> None:
    there = await logprobs(app, picture("red"), picture("blue"))
    back = await logprobs(app, picture("blue"), picture("red"))
    assert there != pytest.approx(back, abs=1e-3)


async def test_images_side_by_side_in_a_batch_do_not_mix(app: LiveApp) -> None:
    colours = ["red", "blue", "green", "white"]
    alone = [await logprobs(app, picture(colour)) for colour in colours]
    together = await asyncio.gather(*(logprobs(app, picture(colour)) for colour in colours))
    for before, after in zip(alone, together, strict=True):
        assert before == pytest.approx(after, abs=1e-3)


async def test_formats_without_loss_are_seen_alike(app: LiveApp) -> None:
    seen = [await logprobs(app, picture(format=kind, lossless=True)) for kind in ("png", "webp", "gif")]
    assert seen[0] == pytest.approx(seen[1], abs=1e-3) and seen[0] == pytest.approx(seen[2], abs=1e-3)


async def test_tokens_of_images_are_counted_as_vllm_counts(app: LiveApp) -> None:
    counts = [(await ask(app, *[picture()] * number)).usage.prompt_tokens for number in range(3)]
    assert [count - counts[0] for count in counts] == [0, tiny_idefics.IMAGE_TOKENS, 2 * tiny_idefics.IMAGE_TOKENS]
    async with app.http() as client:
        answer = await client.post("/tokenize", json={"messages": showing(data_url(picture()))})
    assert answer.json()["count"] == counts[1]


async def test_the_context_is_checked_with_the_tokens_of_images(app: LiveApp) -> None:
    room = 1024 - (await ask(app, picture())).usage.prompt_tokens
    with pytest.raises(openai.BadRequestError, match="context length"):
        await ask(app, picture(), max_tokens=room + 1)


async def test_a_template_is_not_begun_twice(app: LiveApp) -> None:
    for messages in (showing(data_url(picture())), showing()):
        async with app.http() as client:
            answer = await client.post("/tokenize", json={"messages": messages, "return_token_strs": True})
        assert answer.json()["token_strs"][0] == "<|im_start|>"


async def test_an_answer_about_an_image_is_streamed_as_it_is_told_whole(app: LiveApp) -> None:
    whole = await ask(app, picture(), max_tokens=12)
    stream = await ask(app, picture(), max_tokens=12, stream=True)
    pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(pieces) == whole.choices[0].message.content


async def test_choices_and_forms_go_with_images(app: LiveApp) -> None:
    form = {"structured_outputs": {"choice": ["left", "right"]}}
    answer = await ask(app, picture(), n=3, temperature=1, max_tokens=20, extra_body=form)
    assert {choice.message.content for choice in answer.choices} <= {"left", "right"}


async def test_the_placeholder_in_a_text_does_no_harm(app: LiveApp) -> None:
    for files in ([], [picture()], [picture()] * 2):
        with contextlib.suppress(openai.BadRequestError):
            await ask(app, *files, text="<image> and <image><image>")
    assert await logprobs(app, picture()) == await logprobs(app, picture())


async def test_an_id_within_a_file_does_not_stand_for_its_content(app: LiveApp) -> None:
    """vLLM lets the EXIF field ImageID name an image in its caches, unless it is what a file can hold."""
    exif = Image.Exif()
    exif[0x800D] = "0d4f0b5c-7a3e-4b57-9a0a-3f1f5d3b9f11"
    red, blue = [await logprobs(app, picture(colour, format="jpeg", exif=exif)) for colour in ("red", "blue")]
    assert red != pytest.approx(blue, abs=1e-3)


def larger_than_its_screen() -> bytes:
    """A GIF whose first picture is larger than the file's header says."""
    return bytearray(picture(size=(600, 600), format="gif")).replace(b"\x58\x02\x58\x02", b"\x08\0\x06\0", 1)


def later(**of: Any) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(file, **of)
    return file.getvalue()


DAMAGED = {
    "cut png": (later(format="png")[:1500], (64, 64)),
    "cut jpeg": (later(format="jpeg")[:400], (64, 64)),
    "cut webp": (later(format="webp")[:300], (64, 64)),
    "header only": (picture()[:33], (8, 6)),
    "gif beyond its screen": (bytes(larger_than_its_screen()), (8, 6)),
    "other size": (picture(size=(9, 6)), (8, 6)),
    "no image": (b"words", (8, 6)),
}


@pytest.mark.parametrize(("data", "size"), DAMAGED.values(), ids=DAMAGED)
async def test_a_damaged_image_is_refused_by_its_name(seeing: Engine, data: bytes, size: tuple[int, int]) -> None:
    prompt = shown(data, size=size)
    with pytest.raises(InvalidRequestError) as refused:
        await seeing.render(prompt)
    assert (refused.value.code, refused.value.param) == ("image_parse_error", prompt.images[0].field)
    (sound,) = await seeing.render(shown(picture()))
    assert await generate(seeing, sound, greedy(2))


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (3, 3)])
async def test_shapes_that_strain_a_processor_are_answered_or_refused(app: LiveApp, size: tuple[int, int]) -> None:
    with contextlib.suppress(openai.BadRequestError):
        await ask(app, picture(size=size))
    assert await logprobs(app, picture()) == await logprobs(app, picture())
