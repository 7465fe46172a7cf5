"""`decode`: the bytes of an image in a data URL (RFC 2397), of which only the form with base64 is taken.

Strict: the alphabet and padding of RFC 4648 section 4, no white space, nothing behind the end. What the URL calls the
image's format decides nothing; the file's own first bytes do.
"""

import binascii
from collections.abc import Iterator
from typing import Final

from service.errors import InvalidRequestError
from service.gateway.media.budget import Meter
from service.gateway.media.source import ImageSource

SCHEME: Final = "data:"
MEDIA_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif"})
"""The third is wrong, and common."""

LONGEST_HEAD: Final = 64
"""Characters up to the comma."""

PIECE: Final = 2**18
"""Characters that are decoded at once; between two pieces other threads have their turn."""


def decode(source: ImageSource, meter: Meter) -> bytes:
    """The file, for the caller to count. Raises `InvalidRequestError`, for too large a one before it is decoded."""
    head, comma, _ = source.url[:LONGEST_HEAD].partition(",")
    media_type, _, encoding = head[len(SCHEME) :].lower().partition(";")
    if not comma or encoding != "base64":
        raise source.refused(
            "invalid_image_url", "the data URL is not in base64. Write it as 'data:image/png;base64,...'."
        )
    if media_type not in MEDIA_TYPES:
        raise source.refused(
            "unsupported_image_media_type",
            "the data URL is not declared as an image that is taken here. Send PNG, JPEG, WebP or GIF, written as "
            "'data:image/png;base64,...'.",
        )
    start = len(head) + 1
    meter.expect((len(source.url) - start) // 4 * 3 - 2)
    try:
        return b"".join(_pieces(source.url, start))
    except ValueError as error:
        raise _no_base64(source) from error


def _pieces(text: str, start: int) -> Iterator[bytes]:
    padding = text.find("=", start)
    if 0 <= padding < len(text) - 2:
        raise ValueError("padding in the middle")
    for at in range(start, len(text), PIECE):
        yield binascii.a2b_base64(text[at : at + PIECE], strict_mode=True)


def _no_base64(source: ImageSource) -> InvalidRequestError:
    return source.refused(
        "invalid_base64_image",
        "what follows the comma is not base64. Use the alphabet A-Z a-z 0-9 + /, padded with '=', without white space.",
    )
