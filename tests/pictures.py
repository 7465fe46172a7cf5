"""Small pictures for tests, in the formats that are taken, and the parts of messages that carry them."""

import base64
import io
from typing import Any

from PIL import Image

FORMATS = ["png", "jpeg", "webp", "gif"]


def picture(colour: str = "red", *, size: tuple[int, int] = (8, 6), format: str = "png", **options: Any) -> bytes:
    """An image file of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, format, **options)
    return file.getvalue()


def data_url(data: bytes, media_type: str = "image/png") -> str:
    """The file as a data URL."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def image_part(url: str) -> dict[str, Any]:
    """A part of a message that shows an image."""
    return {"type": "image_url", "image_url": {"url": url}}


def showing(*urls: str, text: str = "What is this?") -> list[dict[str, Any]]:
    """A conversation of one message with these images."""
    return [{"role": "user", "content": [*map(image_part, urls), {"type": "text", "text": text}]}]
