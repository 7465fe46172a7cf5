"""What every engine that takes images must do. Subclasses supply the fixtures `seeing` and `info`."""

from typing import Any

import msgspec

from service.engine.base import Engine
from service.engine.info import EngineInfo
from service.engine.prompts import ChatPrompt, Image
from tests.engine.contract import generate, greedy, text_of, tokens_of
from tests.pictures import picture


def shown(*files: bytes, size: tuple[int, int] = (8, 6), text: str = "What is this?", **changes: Any) -> ChatPrompt:
    """A conversation about these images."""
    parts = [{"type": "image"}] * len(files) + [{"type": "text", "text": text}]
    images = [
        Image(data=file, width=size[0], height=size[1], field=f"messages[0].content[{at}].image_url.url")
        for at, file in enumerate(files)
    ]
    return ChatPrompt(messages=[{"role": "user", "content": parts}], images=images, **changes)


class ImageContract:
    """The suite."""

    async def test_it_says_that_it_takes_images(self, seeing: Engine, info: EngineInfo) -> None:
        assert info.max_images >= 2
        assert info.modalities == ("text", "image")

    async def test_every_image_makes_the_prompt_longer(self, seeing: Engine) -> None:
        prompts = [(await seeing.render(shown(*[picture()] * number)))[0] for number in range(3)]
        none, one, two = [len(prompt.token_ids) for prompt in prompts]
        assert one - none > 3 and two - one > 3

    async def test_a_prompt_with_images_carries_them(self, seeing: Engine) -> None:
        (prompt,) = await seeing.render(shown(picture("red"), picture("blue")))
        assert prompt.source is not None
        assert [image.data for image in prompt.source.images] == [picture("red"), picture("blue")]

    async def test_a_prompt_can_be_continued_again_and_elsewhere(self, seeing: Engine) -> None:
        (prompt,) = await seeing.render(shown(picture()))
        elsewhere = msgspec.structs.replace(prompt, kept="nobody-knows-it")
        told = [tokens_of(await generate(seeing, each, greedy(6))) for each in (prompt, prompt, elsewhere)]
        assert len(told[0]) == 6 and told[0] == told[1] == told[2]

    async def test_several_choices_are_made_of_a_prompt_with_an_image(self, seeing: Engine) -> None:
        (prompt,) = await seeing.render(shown(picture()))
        deltas = await generate(seeing, prompt, greedy(4, n=2), whole=True)
        assert sorted(delta.index for delta in deltas) == [0, 1]
        assert text_of(deltas, 0) == text_of(deltas, 1)

    async def test_a_conversation_with_an_image_has_token_strings(self, seeing: Engine) -> None:
        (prompt,) = await seeing.render(shown(picture(), want_token_strings=True, unlimited=True))
        assert len(prompt.token_strings or ()) == len(prompt.token_ids)
