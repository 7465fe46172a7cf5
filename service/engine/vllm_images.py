"""Image files for vLLM's renderer: decoded, and put where the messages show them. Imports vLLM.

vLLM is never given a URL: it would fetch it. It is given its own pair of decoded image and file, and names the image by
the file's digest, for its caches.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import PIL.Image
from vllm.config import ModelConfig
from vllm.multimodal.media.image import ImageMediaIO

from service.engine.prompts import Image
from service.errors import InvalidRequestError

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
"""vLLM would open thirty-three further ones."""

DAMAGE: Final = (
    ValueError,
    OSError,
    EOFError,
    SyntaxError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    zlib.error,
    PIL.Image.DecompressionBombError,
)
"""What Pillow's decoders are known to raise for files that are not what they seem."""


def image_limit(processor: Any) -> int:
    """Images that a prompt may hold, from vLLM's processor of media; None is a text model's."""
    limits = processor.info.allowed_mm_limits if processor is not None else {}
    # Models that see images and films through one eye call both a chunk of vision.
    return int(limits.get("image", limits.get("vision_chunk", 0)))


class ImageDecoder:
    """Decodes as the operator's `engine.media_io_kwargs` say."""

    def __init__(self, config: ModelConfig) -> None:
        media = config.multimodal_config
        self._io = ImageMediaIO(**((media.media_io_kwargs or {}).get("image", {}) if media else {}))

    def fill(self, messages: Sequence[dict[str, Any]], images: Sequence[Image]) -> list[dict[str, Any]]:
        """The messages with their images, in the form that vLLM's renderer takes. Blocks while it decodes.

        Raises `InvalidRequestError` for a file that cannot be decoded.
        """
        media = map(self._decode, images)
        return [{**message, "content": _filled(message.get("content"), media)} for message in messages]

    def _decode(self, image: Image) -> Any:
        try:
            with PIL.Image.open(io.BytesIO(image.data), formats=FORMATS) as opened:
                size = opened.size
            # The caps were checked against what the header says. A GIF's first picture may be larger than that.
            if size == (image.width, image.height):
                return self._io.load_bytes(image.data)
        except DAMAGE as error:
            raise _damaged(image, "it cannot be decoded") from error
        raise _damaged(image, "its parts say different sizes")


def _filled(content: Any, media: Iterator[Any]) -> Any:
    if not isinstance(content, list):
        return content
    return [{"type": "image_pil", "image_pil": next(media)} if part["type"] == "image" else part for part in content]


def _damaged(image: Image, why: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{image.field}: the image is damaged: {why}. Send it anew.", param=image.field, code="image_parse_error"
    )
