"""A photo as a browser may show it: upright, opaque, in a format that every browser knows."""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from peopleparse.errors import InputError
from peopleparse.inference.image import read_image
from peopleparse.web.problems import Problem

MAX_PIXELS = 100_000_000
FORMATS = "JPEG, PNG, WebP, TIFF, BMP or GIF"
_PLAIN = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_ORIENTATION, _UPRIGHT = 0x0112, 1
_QUALITY = 95
# Above this, a photo that must be encoded anew becomes a JPEG: PNG takes seconds and 50 MB.
_LOSSLESS_PIXELS = 4_000_000
_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


@dataclass(frozen=True)
class PhotoBytes:
    """A file for browsers.

    Attributes:
        data: the file.
        media_type: its type.
    """

    data: bytes
    media_type: str

    def decode(self) -> NDArray[np.uint8]:
        """Return the pixels, (H, W, 3) uint8 RGB."""
        return read_image(self.data, MAX_PIXELS)


def read_photo(data: bytes, name: str) -> tuple[NDArray[np.uint8], PhotoBytes]:
    """Return a photo's pixels, upright, and the file to show.

    Args:
        data: the file as it came.
        name: what to call it in refusals.

    Raises:
        Problem: 422 where it is empty or broken, 415 where it is no photo, 413 where it has too
            many pixels.
    """
    shown = shorten(name)
    if not data:
        raise Problem(422, "empty", f"'{shown}' must hold a photo, got 0 bytes. Copy it again.")
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF:
        raise Problem(415, "heic", f"'{shown}' must be {FORMATS}, got HEIC. Save it as JPEG first.")
    try:
        image = read_image(data, MAX_PIXELS)
    except InputError as error:
        raise _refuse(error, shown) from error
    plain = _plain_type(data)
    return image, encode_photo(image) if plain is None else PhotoBytes(data, plain)


def encode_photo(image: NDArray[np.uint8]) -> PhotoBytes:
    """Return pixels, (H, W, 3) uint8 RGB, as a file for browsers."""
    small = image.shape[0] * image.shape[1] <= _LOSSLESS_PIXELS
    kind, options = (
        (".png", [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if small
        else (".jpg", [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    )
    _, data = cv2.imencode(kind, image[..., ::-1], options)
    return PhotoBytes(data.tobytes(), "image/png" if small else "image/jpeg")


def shorten(name: str) -> str:
    """Return a file's name as a sentence may say it: one line, no folder, not too long.

    >>> shorten("C:/photos/a" + chr(0x202E) + "b.jpg")
    'ab.jpg'
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable())
    return (f"{kept[:40]}…{kept[-20:]}" if len(kept) > 64 else kept) or "photo"


def _refuse(error: InputError, shown: str) -> Problem:
    cause = error.__cause__
    if isinstance(cause, UnidentifiedImageError):
        return Problem(
            415, "no-photo",
            f"'{shown}' must be {FORMATS}, got a file that is no photo. Choose another.",
        )  # fmt: skip
    if cause is None and "megapixels" in str(error):
        return Problem(
            413, "too-many-pixels",
            f"'{shown}' must have at most {MAX_PIXELS // 1_000_000} megapixels, got more. "
            "Scale it down first.",
        )  # fmt: skip
    reason = "".join(str(cause or error).splitlines()[:1]).rstrip(".")
    return Problem(
        422, "broken", f"'{shown}' must be a whole photo, got '{reason}'. Copy it again."
    )


def _plain_type(data: bytes) -> str | None:
    """Return the type where every browser shows the file just as `read_image` reads it."""
    try:
        with Image.open(io.BytesIO(data), formats=list(_PLAIN)) as image:
            plain = (
                image.mode in ("RGB", "L")
                and not image.has_transparency_data
                and image.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT
                and not getattr(image, "is_animated", False)
            )
            return _PLAIN.get(image.format or "") if plain else None
    except Exception:  # another format, or broken notes in a file whose pixels are fine
        return None
