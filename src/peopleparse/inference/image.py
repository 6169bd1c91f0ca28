"""Read a photo from anything, once, as (H, W, 3) uint8 RGB.

The header is checked before a pixel is decoded: a file of a few kilobytes that claims 400
megapixels costs nothing but one clear error.
"""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from peopleparse.errors import InputError

MAX_PIXELS = 200_000_000
Source: TypeAlias = str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | NDArray[Any]

# Formats of photos only: others run foreign programs (EPS) or hold no picture (HDF5, GRIB).
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "TGA")
_open_lock = threading.Lock()


def read_image(source: Source, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Return a photo as (H, W, 3) uint8 RGB, upright and opaque.

    The camera's EXIF rotation is applied, transparency is laid over white, and grey, palette,
    1-bit, 16-bit and CMYK pictures become RGB. Of an animation the first frame is read.

    Args:
        source: path, encoded bytes, binary file object, Pillow image, or an array: (H, W) grey,
            (H, W, 1), (H, W, 2) grey and alpha, (H, W, 3) RGB, (H, W, 4) RGBA; bool, uint8, uint16.
        max_pixels: larger photos are refused before they are decoded.

    Raises:
        InputError: the source is missing, empty, truncated, no image, or too large.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        return _from_pillow(source, ", in the Pillow image given", max_pixels)
    data, place = _read_bytes(source)
    if not data:
        raise InputError(f"photo must hold an image, got 0 bytes{place}. Copy the file again.")
    with _open_image(data, place, max_pixels) as image:
        return _from_pillow(image, place, max_pixels)


def source_name(source: Source) -> str | None:
    """Return the path that a photo came from, or None where it came from memory."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else None


def _read_bytes(source: Any) -> tuple[bytes, str]:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), ", in the bytes given"
    if isinstance(source, str | os.PathLike):
        return _read_file(Path(source)), f", at {Path(source)}"
    data = source.read() if hasattr(source, "read") else None
    if not isinstance(data, bytes):
        got = f"{type(source).__name__} that reads text" if data else type(source).__name__
        raise InputError(
            f"photo must be a path, bytes, a binary file, a Pillow image or an array, got {got}. "
            "Convert it to one of these."
        )
    return data, ", in the file object given"


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"photo must be an existing file, got {path}. Check the path.") from error
    except OSError as error:
        if path.is_dir():
            raise InputError(
                f"photo must be a file, got the folder {path}. Use `peopleparse parse` for folders."
            ) from error
        raise InputError(
            f"photo must be a file that can be read, got '{error.strerror}', at {path}. "
            "Check its name and permissions."
        ) from error


def _open_image(data: bytes, place: str, max_pixels: int) -> Image.Image:
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    # Pillow's own limit is one global number; it is lifted while the header is read, and only then.
    with _open_lock:
        kept, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(io.BytesIO(data), formats=formats)
        except UnidentifiedImageError as error:
            raise InputError(
                f"photo must be an image, got {len(data)} bytes that are none{place}. "
                "Use JPEG, PNG, WebP, TIFF, BMP or GIF."
            ) from error
        except Exception as error:  # Pillow's readers raise many types on broken headers
            raise _broken(error, place) from error
        finally:
            Image.MAX_IMAGE_PIXELS = kept


def _broken(error: Exception, place: str) -> InputError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(f"photo must be complete, got '{reason}'{place}. Copy the file again.")


def _check_size(width: int, height: int, place: str, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise InputError(f"photo must have pixels, got {width} x {height}{place}. Choose another.")
    if width * height > max_pixels:
        raise InputError(
            f"photo must have at most {max_pixels / 1e6:g} megapixels, got {width} x {height} "
            f"({width * height / 1e6:.0f} megapixels){place}. Scale it down first."
        )


def _from_pillow(image: Image.Image, place: str, max_pixels: int) -> NDArray[np.uint8]:
    _check_size(*image.size, place, max_pixels)
    try:
        image.load()
    except Exception as error:  # Pillow's decoders raise many types on broken files
        raise _broken(error, place) from error
    image = _upright(image)
    if image.mode.startswith(("I", "F")):
        return _from_array(_to_16_bit(np.asarray(image)), max_pixels)
    try:
        if image.has_transparency_data:
            return _over_white(np.asarray(image.convert("RGBA")))
        return np.array(image.convert("RGB"))
    except ValueError as error:
        raise InputError(
            f"photo must be in colours that convert to RGB, got mode {image.mode}{place}. "
            "Save it as RGB first."
        ) from error


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF data: the pixels are fine, show them as they lie
        return image


def _to_16_bit(values: NDArray[Any]) -> NDArray[np.uint16]:
    """Bring 16-bit, 32-bit and float grey to 0..65535; scaled by the top where it lies beyond."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, posinf=0, neginf=0)
        top = float(values.max())
        full = next((full for full in (1.0, 255.0, 65535.0) if top <= full), top)
    else:
        full = max(65535.0, float(values.max()))
    return np.round(np.clip(values / full, 0, 1) * 65535).astype(np.uint16)


def _from_array(array: NDArray[Any], max_pixels: int) -> NDArray[np.uint8]:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4)):
        raise InputError(
            f"photo must be an array (H, W), (H, W, 3) or (H, W, 4), got {array.shape}. "
            "Give one photo at a time, channels last."
        )
    _check_size(array.shape[1], array.shape[0], ", in the array given", max_pixels)
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        array = ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    elif array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif array.dtype != np.uint8:
        raise InputError(
            f"photo must be an array of uint8, uint16 or bool, got {array.dtype}. "
            "Scale it to 0..255 and convert it with .astype('uint8')."
        )
    if array.ndim == 2:
        array = array[:, :, None]
    grey, alpha = array.shape[2] < 3, array.shape[2] in (2, 4)
    if grey:
        channels = [0, 0, 0, 1] if alpha else [0, 0, 0]
        array = array[:, :, channels]
    return _over_white(array) if alpha else np.ascontiguousarray(array)


def _over_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = rgba[:, :, 3:].astype(np.uint16)
    mixed = rgba[:, :, :3] * alpha + 255 * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)
