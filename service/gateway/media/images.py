"""`Images`: brings the images that a request names into its prompt, as bytes, or says what is wrong with them.

What can be refused without any work is refused first: images for a model that reads only text, and too many. Nothing
is decoded here, and no limit depends on what a file says that has not arrived yet.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from service.engine.info import EngineInfo
from service.engine.prompts import ChatPrompt, Image, Renderable
from service.gateway.media import data_url
from service.gateway.media.budget import Budget, Meter
from service.gateway.media.header import BrokenHeaderError, ImageHeader, UnknownFormatError
from service.gateway.media.source import ImageSource
from service.settings import MediaSettings

FORMATS: Final = "PNG, JPEG, WebP or GIF"


class Fetcher(Protocol):
    """Gets images from other servers."""

    async def fetch(self, source: ImageSource, meter: Meter) -> bytes:
        """The file behind an http(s) URL. Raises `InvalidRequestError` for whatever keeps it from being got."""


class Images:
    """Without a `fetcher` only data URLs are taken."""

    def __init__(self, limits: MediaSettings, fetcher: Fetcher | None = None) -> None:
        self._limits = limits
        self._fetcher = fetcher

    async def attach(self, prompt: Renderable, sources: Sequence[ImageSource], info: EngineInfo) -> Renderable:
        """The prompt with its images. Raises `InvalidRequestError` for the first thing found wrong with one."""
        if not sources or not isinstance(prompt, ChatPrompt):
            return prompt
        self._check_number(sources, info)
        budget = Budget(self._limits)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._load(source, budget)) for source in sources]
        except BaseExceptionGroup as failed:
            # One is enough to say, and the caller knows no groups.
            raise failed.exceptions[0] from None
        return msgspec.structs.replace(prompt, images=[task.result() for task in tasks])

    def _check_number(self, sources: Sequence[ImageSource], info: EngineInfo) -> None:
        if "image" not in info.modalities:
            raise sources[0].refused(
                "unsupported_value",
                f"the model {info.model} reads only text. Leave images out, or ask a model that takes them.",
            )
        limit = min(info.max_images, self._limits.max_images)
        if len(sources) > limit:
            raise sources[limit].refused(
                "too_many_images", f"the request has {len(sources)} images, but may have {limit} at most. Send fewer."
            )

    async def _load(self, source: ImageSource, budget: Budget) -> Image:
        meter = budget.meter(source)
        if source.url[: len(data_url.SCHEME)].lower() == data_url.SCHEME:
            data = await asyncio.to_thread(data_url.decode, source, meter)
            meter.add(len(data))  # here, not in the thread: others count at the same time
        elif self._fetcher is None:
            raise source.refused(
                "invalid_image_url",
                "this server fetches no images. Send the image itself, as 'data:image/png;base64,...'.",
            )
        else:
            data = await self._fetcher.fetch(source, meter)
        header = _header(source, data)
        budget.take_pixels(source, header.width, header.height)
        return Image(data=data, width=header.width, height=header.height, field=source.field)


def _header(source: ImageSource, data: bytes) -> ImageHeader:
    if not data:
        raise source.refused("empty_image_file", f"the image is empty. Send {FORMATS}.")
    try:
        return ImageHeader.read(data)
    except UnknownFormatError as error:
        raise source.refused(
            "invalid_image_format", f"by its first bytes the image is none of the formats taken here. Send {FORMATS}."
        ) from error
    except BrokenHeaderError as error:
        raise source.refused(
            "image_parse_error", f"the image is damaged: it is a {error} file without a size. Send it anew."
        ) from error
