"""Label maps as PNG: 8-bit indexed, the pixel value is the label id."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.data.files import write_file
from peopleparse.errors import DataError, InputError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = 26  # signature, chunk length and name, width, height, bit depth, colour type
_COLOR_TYPES = {0: "grey", 2: "RGB", 3: "indexed", 4: "grey with alpha", 6: "RGBA"}
_GREY, _INDEXED = 0, 3


def write_label_png(path: str | Path, ids: NDArray[np.uint8], palette: NDArray[np.uint8]) -> Path:
    """Write a label map as an 8-bit indexed PNG whose pixel values are the ids.

    The file has no gamma or colour profile, so no reader can shift a value; the same map gives
    the same bytes. It is written under a temporary name and renamed.

    Args:
        path: the file; its folder is made.
        ids: (H, W) uint8 label ids.
        palette: (256, 3) uint8 colours by id, for viewers only.

    Raises:
        InputError: a shape or type is wrong, or the place cannot be written.
    """
    return write_file(Path(path), encode_label_png(ids, palette))


def encode_label_png(ids: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """Return the bytes of the file that `write_label_png` writes.

    Raises:
        InputError: a shape or type is wrong.
    """
    if ids.ndim != 2 or ids.size == 0 or ids.dtype != np.uint8:
        raise InputError(
            f"label map must be (H, W) uint8 with at least one pixel, got {ids.shape} {ids.dtype}. "
            "Give ids, not colours or scores."
        )
    if palette.shape != (256, 3) or palette.dtype != np.uint8:
        raise InputError(
            f"palette must be (256, 3) uint8, got {palette.shape} {palette.dtype}. "
            "Take the palette of a scheme."
        )
    height, width = ids.shape
    image = Image.frombytes("P", (width, height), np.ascontiguousarray(ids).tobytes())
    image.putpalette(palette.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", bits=8, compress_level=6)
    return buffer.getvalue()


def read_label_png(path: str | Path) -> NDArray[np.uint8]:
    """Read the ids of a label PNG, (H, W) uint8.

    Indexed PNGs of any depth and 8-bit grey ones hold ids. In all others (colours, 16 bit, grey
    of a few bits, which readers stretch) the pixel value is not the id, so they are refused.

    Raises:
        DataError: the file is missing, broken, no PNG, or of another kind.
    """
    path = Path(path)
    try:
        _check_header(path)
        with Image.open(path, formats=["PNG"]) as image:
            return np.array(image, dtype=np.uint8)
    except FileNotFoundError:
        raise DataError(
            f"label PNG must be a file, got none, at {path}. Check the folder's layout."
        ) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"label PNG must be readable, got '{error}', at {path}. Write or fetch it again."
        ) from error


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    if len(head) < _HEADER_BYTES or not head.startswith(_SIGNATURE):
        raise DataError(
            f"label map must be a PNG file, got {len(head)} bytes that begin with {head[:8]!r}, "
            f"at {path}. Convert it without loss, never through JPEG."
        )
    depth, color_type = struct.unpack("BB", head[-2:])
    if color_type != _INDEXED and (depth, color_type) != (8, _GREY):
        kind = _COLOR_TYPES.get(color_type, f"colour type {color_type}")
        raise DataError(
            f"label PNG must be 8-bit indexed or grey, got {depth}-bit {kind}, at {path}. "
            "Save the label ids themselves (Pillow mode 'P' or 'L'), not their colours."
        )
