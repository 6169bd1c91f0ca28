"""Label maps and maps of numbers out of the bytes of a PNG; whatever is no id is refused."""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.errors import DataError
from peopleparse.labels import Scheme

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = 26  # signature, chunk length and name, width, height, bit depth, colour type
_COLOR_TYPES = {0: "grey", 2: "RGB", 3: "indexed", 4: "grey with alpha", 6: "RGBA"}
_GREY, _RGB, _INDEXED, _RGBA = 0, 2, 3, 6


def decode_labels(data: bytes, place: str, first_channel: bool = False) -> NDArray[np.uint8]:
    """Return the ids of a label PNG, (H, W) uint8.

    Indexed PNGs of any depth and 8-bit grey ones hold ids; all others are refused.

    Args:
        data: bytes of the file.
        place: where it is, for errors.
        first_channel: take the ids of an 8-bit RGB PNG from its first channel.

    Raises:
        DataError: the file is broken, no PNG, or of another kind.
    """
    depth, color_type = _read_header(data, place)
    colors = first_channel and depth == 8 and color_type in (_RGB, _RGBA)
    if not colors and color_type != _INDEXED and (depth, color_type) != (8, _GREY):
        raise DataError(
            f"label PNG must be 8-bit indexed or grey, got {_name_kind(depth, color_type)}, "
            f"at {place}. Save the label ids themselves (Pillow mode 'P' or 'L'), not their "
            "colours."
        )
    pixels = _read_pixels(data, place)
    return np.ascontiguousarray(pixels[..., 0] if colors else pixels, np.uint8)


def decode_numbers(data: bytes, place: str) -> NDArray[np.uint16]:
    """Return the numbers of persons or regions of a PNG, (H, W) uint16.

    Raises:
        DataError: the file is broken, no PNG, or neither indexed nor 8-bit or 16-bit grey.
    """
    depth, color_type = _read_header(data, place)
    if color_type != _INDEXED and (depth, color_type) not in ((8, _GREY), (16, _GREY)):
        raise DataError(
            "PNG of person or region numbers must be indexed, or 8-bit or 16-bit grey, got "
            f"{_name_kind(depth, color_type)}, at {place}. Save the numbers, not colours."
        )
    return _read_pixels(data, place).astype(np.uint16)


def find_stray(labels: NDArray[np.uint8], scheme: Scheme, truth: bool) -> list[int]:
    """Return the ids in a label map that are none of the scheme's, sorted.

    Truth may also hold ignore_id. A prediction may hold a slot that its scheme does not use, such
    as a tie outdoors: there it is a wrong label, not a wrong file.
    """
    if not truth:
        allowed = set(range(scheme.num_ids))
    else:
        allowed = {*scheme.ids, scheme.ignore_id}
    top = int(labels.max(initial=0))
    if top < scheme.num_ids and allowed.issuperset(range(scheme.num_ids)):
        return []  # the common case costs one pass over the maximum
    present = np.zeros(256, bool)
    present[labels.ravel()] = True
    return sorted(set(np.flatnonzero(present).tolist()) - allowed)


def renumber(numbers: NDArray[np.uint16]) -> tuple[NDArray[np.uint16], list[int]]:
    """Return the map with its numbers replaced by 1, 2, 3 and so on, and what they were.

    >>> renumber(np.array([[0, 7, 3]], np.uint16))[1]
    [3, 7]
    """
    counts = np.bincount(numbers.ravel())
    present = np.flatnonzero(counts[1:]) + 1
    table = np.zeros(len(counts), np.uint16)
    table[present] = np.arange(1, len(present) + 1)
    return table[numbers], present.tolist()


def _read_header(data: bytes, place: str) -> tuple[int, int]:
    if len(data) < _HEADER_BYTES or not data.startswith(_SIGNATURE):
        raise DataError(
            f"label map must be a PNG file, got {len(data)} bytes that begin with {data[:8]!r}, "
            f"at {place}. Convert it without loss, never through JPEG."
        )
    depth, color_type = struct.unpack("BB", data[_HEADER_BYTES - 2 : _HEADER_BYTES])
    return depth, color_type


def _name_kind(depth: int, color_type: int) -> str:
    return f"{depth}-bit {_COLOR_TYPES.get(color_type, f'colour type {color_type}')}"


def _read_pixels(data: bytes, place: str) -> NDArray[np.generic]:
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return np.array(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"label PNG must be readable, got '{error}', at {place}. Write or fetch it again."
        ) from error
