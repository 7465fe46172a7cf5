"""`ImageHeader`: what an image file says of itself in its first bytes: its format and its size in pixels.

Read before anything is decoded, for a file of a kilobyte may unfold to gigabytes. Sources: RFC 2083 (PNG), the GIF89a
specification, ITU-T T.81 (JPEG), RFC 9649 (WebP). The decoder looks again, and refuses what has another size then.
"""

from dataclasses import dataclass
from typing import Final, Literal, Self, TypeAlias

ImageFormat: TypeAlias = Literal["png", "jpeg", "webp", "gif"]

MAX_JPEG_MARKERS: Final = 4096
"""Real files have some hundred in front of their size; every one costs a step of the loop below."""

SIZELESS_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})
FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start of frame, of every coding process."""


class UnknownFormatError(ValueError):
    """The first bytes are of none of the formats."""


class BrokenHeaderError(ValueError):
    """The format is one of ours, but its header says no size."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Format and size in pixels, neither of them zero."""

    format: ImageFormat
    width: int
    height: int

    @classmethod
    def read(cls, data: bytes) -> Self:
        """The header of a file. Raises `UnknownFormatError` or `BrokenHeaderError`."""
        name = _format(data)
        size = {"png": _png, "jpeg": _jpeg, "webp": _webp, "gif": _gif}[name](data)
        if size is None or not all(size):
            raise BrokenHeaderError(name)
        return cls(name, *size)


def _format(data: bytes) -> ImageFormat:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    raise UnknownFormatError


def _png(data: bytes) -> tuple[int, int] | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def _gif(data: bytes) -> tuple[int, int] | None:
    if len(data) < 10:
        return None
    return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")


def _webp(data: bytes) -> tuple[int, int] | None:
    chunk, body = data[12:16], data[20:30]
    if chunk == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if len(body) < 10:
        return None
    if chunk == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """From marker to marker, up to the frame's, which is in front of all compressed data."""
    at = 2
    for _ in range(MAX_JPEG_MARKERS):
        if len(data) < at + 9 or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker in FRAME_MARKERS:
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        if marker == 0xFF:  # a filler byte
            at += 1
        elif marker in SIZELESS_MARKERS:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None
