"""Colours of persons, and how a colour is laid over a photo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# The eight-colour set of Okabe and Ito without black, in an order in which neighbours stay apart
# for red-blind and green-blind eyes too.
PERSON_COLORS: tuple[tuple[int, int, int], ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (204, 121, 167),
    (213, 94, 0),
    (86, 180, 233),
    (240, 228, 66),
    (0, 158, 115),
)
UNNAMED = (150, 150, 150)  # a person without a number
DARK, LIGHT = (17, 17, 17), (255, 255, 255)


def person_color(index: int) -> tuple[int, int, int]:
    """Return the colour (red, green, blue) of person `index`, 1 to N; the colours repeat.

    >>> person_color(1)
    (0, 114, 178)
    """
    return PERSON_COLORS[(index - 1) % len(PERSON_COLORS)]


def person_palette(people: int | Sequence[int]) -> NDArray[np.uint8]:
    """Return colours by person number, (N + 1, 3) uint8; row 0 is black for nobody.

    Args:
        people: how many persons, or the number after which each is coloured, 0 for grey.
    """
    names = range(1, people + 1) if isinstance(people, int) else people
    rows = [(0, 0, 0), *(person_color(name) if name else UNNAMED for name in names)]
    return np.array(rows, np.uint8)


def text_color(background: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return dark or white, whichever reads better on a colour (contrast of WCAG 2).

    >>> text_color((240, 228, 66)), text_color((0, 0, 90))
    ((17, 17, 17), (255, 255, 255))
    """
    here = _luminance(background)
    on_dark = (here + 0.05) / (_luminance(DARK) + 0.05)
    on_light = (_luminance(LIGHT) + 0.05) / (here + 0.05)
    return DARK if on_dark >= on_light else LIGHT


def _luminance(color: tuple[int, int, int]) -> float:
    parts = np.array(color) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def blend(
    below: NDArray[np.uint8],
    above: NDArray[np.uint8] | tuple[int, int, int],
    alpha: NDArray[np.floating] | float,
) -> NDArray[np.uint8]:
    """Lay colours over pixels: `below * (1 - alpha) + above * alpha`, rounded.

    Args:
        below: (..., 3) uint8.
        above: (..., 3) uint8 or one colour.
        alpha: 0 to 1, one number or one a pixel, (...).

    >>> blend(np.zeros((1, 3), np.uint8), (200, 100, 50), 0.5).tolist()
    [[100, 50, 25]]
    """
    weight = np.asarray(alpha, np.float32)
    weight = weight[..., None] if weight.ndim else weight
    mixed = below * (1 - weight) + np.asarray(above, np.float32) * weight
    return (mixed + 0.5).astype(np.uint8)
