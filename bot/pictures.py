"""A photo as it may be kept: decoded, made small, written anew. What hid in the file (place, date, device, comments, whatever
somebody put behind the picture) does not come along, because nothing but the pixels does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from struct import unpack_from
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 40_000_000  # counted in the header, before anything is decoded: a file of 100 bytes may claim 2,500 million
MOST_OF_GREEDY = 16_000_000  # of WebP and progressive JPEG, whose decoders need three times the memory
MOST_SCANS = 100  # of a progressive JPEG; each is a whole pass, and a small file may hold thousands
SIDES = (3000, 2000, 1200)  # pixels of the longer side, as many as fit: a document stays readable
QUALITY = 85

Reason = Literal["not-a-photo", "too-big", "broken"]


class BadPicture(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def clean(data: bytes, most: int, sides: Sequence[int] = SIDES) -> bytes:
    """A JPEG of at most `most` bytes, of the first of these `sides` with which it fits, upright, without any metadata. Raises BadPicture, and nothing else that `data` could cause."""
    kind = _kind(data)
    if len(data) > most:
        raise BadPicture("too-big")
    try:
        image = _decoded(data, kind)
        for side in sides:
            image.thumbnail((side, side))
            out = BytesIO()
            image.save(out, "JPEG", quality=QUALITY)
            if out.tell() <= most:
                return out.getvalue()
    except BadPicture:
        raise
    except Exception as error:  # decoders raise whatever they like: OSError, SyntaxError, struct.error, ValueError, ...
        raise BadPicture("broken") from error
    raise BadPicture("too-big")


def _kind(data: bytes) -> str:
    """By its first bytes; what a name or a label says counts for nothing."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise BadPicture("not-a-photo")


def _decoded(data: bytes, kind: str) -> Image:
    """Its first frame, upright, on white where it was transparent, and with nothing beside the pixels."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - for a question that few dialogs ask

    if kind == "JPEG" and data.count(b"\xff\xda") > MOST_SCANS:
        raise BadPicture("broken")
    if kind != "JPEG":
        _check_pixels(_claimed(data, kind), MOST_PIXELS if kind == "PNG" else MOST_OF_GREEDY)  # these take memory as soon as they are opened
    try:
        image = Image.open(BytesIO(data), formats=[kind])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadPicture("too-big") from None
    _check_pixels(image.size, MOST_OF_GREEDY if image.info.get("progressive") else MOST_PIXELS)
    image.draft("RGB", (SIDES[0], SIDES[0]))  # a JPEG can be decoded at half or a quarter of its size
    nearest = "A" in image.mode or image.mode == "P"  # any better way would copy all of it first
    image.thumbnail((SIDES[0], SIDES[0]), Image.Resampling.NEAREST if nearest else Image.Resampling.BICUBIC)
    with suppress(Exception):  # damaged metadata is no reason to refuse a photo
        ImageOps.exif_transpose(image, in_place=True)
    with_alpha = image.convert("RGBA")
    plain = Image.new("RGB", image.size, "white")
    plain.paste(with_alpha, mask=with_alpha.getchannel("A"))
    return plain


def _check_pixels(size: tuple[int, int], most: int) -> None:
    if not size[0] or not size[1]:
        raise BadPicture("broken")
    if size[0] * size[1] > most:
        raise BadPicture("too-big")


def _claimed(data: bytes, kind: str) -> tuple[int, int]:
    """Width and height as the header of a PNG or WebP says. struct.error: there is no such header."""
    if kind == "PNG":
        width, height = unpack_from(">II", data, 16)
        return width, height
    match data[12:16]:
        case b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case b"VP8L":
            (bits,) = unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    raise BadPicture("broken")
