"""Maps as grey PNGs: what every program reads as numbers, whether it knows palettes or not."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.errors import InputError

BYTE_MAX = 255
_WORD_MAX = 65535


def encode_grey_png(numbers: NDArray[np.integer[Any]]) -> bytes:
    """Return a PNG of 8 bits, or of 16 where a number is above 255; the pixel is the number.

    Raises:
        InputError: it is no (H, W) map with a pixel, or a number is not 0 to 65,535.
    """
    least, most = int(numbers.min(initial=0)), int(numbers.max(initial=0))
    if numbers.ndim != 2 or numbers.size == 0 or least < 0 or most > _WORD_MAX:
        raise InputError(
            f"map must be (H, W) numbers from 0 to {_WORD_MAX}, got {numbers.shape} from {least} "
            f"to {most}. Give ids or person numbers."
        )
    values = numbers.astype(np.uint8 if most <= BYTE_MAX else np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()
