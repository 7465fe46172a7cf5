"""Formats and sizes are read from the first bytes of files, whatever else is in them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from service.gateway.media.header import BrokenHeaderError, ImageHeader, UnknownFormatError
from tests.pictures import FORMATS, picture

SIZES = [(1, 1), (1, 2000), (2000, 3), (257, 255)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("format", FORMATS)
def test_the_size_is_what_a_decoder_finds(format: str, size: tuple[int, int]) -> None:
    assert ImageHeader.read(picture(size=size, format=format)) == ImageHeader(format, *size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}])
def test_every_form_of_webp_is_read(options: dict[str, object], size: tuple[int, int]) -> None:
    assert ImageHeader.read(picture(size=size, format="webp", **options)) == ImageHeader("webp", *size)


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"icc_profile": b"x" * 200_000}, {"comment": b"\xff\xc0" * 9}]
)
def test_what_stands_before_the_frame_of_a_jpeg_is_skipped(options: dict[str, object]) -> None:
    assert ImageHeader.read(picture(size=(30, 20), format="jpeg", **options)) == ImageHeader("jpeg", 30, 20)


def test_a_picture_that_unfolds_to_gigabytes_is_known_by_its_header() -> None:
    file = io.BytesIO()
    PngImagePlugin.putchunk(file, b"IHDR", (65_000).to_bytes(4) * 2 + b"\x08\x02\0\0\0")
    assert ImageHeader.read(b"\x89PNG\r\n\x1a\n" + file.getvalue()).width == 65_000


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_cut_within_its_header_is_broken(format: str) -> None:
    with pytest.raises(BrokenHeaderError):
        ImageHeader.read(picture(format=format)[: 9 if format == "gif" else 13])


@pytest.mark.parametrize("tail", [b"\xff" * 9000, b"\xfe\0\x02\xff" * 9000, b"\xfe\0\0\xff" * 9000, b""])
def test_a_jpeg_without_a_frame_is_given_up_soon(tail: bytes) -> None:
    with pytest.raises(BrokenHeaderError):
        ImageHeader.read(b"\xff\xd8\xff" + tail)


def test_a_size_of_nothing_is_broken() -> None:
    with pytest.raises(BrokenHeaderError):
        ImageHeader.read(b"GIF89a\0\0\x05\0" + bytes(50))


@pytest.mark.parametrize("format", ["bmp", "tiff", "ico", "pcx", "ppm", "tga", "avif", "jpeg2000"])
def test_other_formats_that_vllm_would_open_are_unknown(format: str) -> None:
    if format == "avif":
        pytest.importorskip("PIL._avif")
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, format)
    with pytest.raises(UnknownFormatError):
        ImageHeader.read(file.getvalue())


@given(st.sampled_from(FORMATS), st.binary(max_size=60), st.integers(0, 40), st.binary(max_size=300))
def test_no_bytes_lead_to_anything_but_a_header_or_a_refusal(format: str, put: bytes, at: int, whole: bytes) -> None:
    data = picture(format=format)
    for given_bytes in (data[:at] + put + data[at + len(put) :], whole):
        try:
            header = ImageHeader.read(given_bytes)
        except (UnknownFormatError, BrokenHeaderError):
            continue
        assert header.width > 0 and header.height > 0
