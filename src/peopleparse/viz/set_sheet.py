"""Annotated examples of several data sets on one sheet, with one legend (LIP paper, Fig. 1)."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.structures import ParsedPeople
from peopleparse.viz.legend import draw_chips
from peopleparse.viz.palette import blend
from peopleparse.viz.regions import painted
from peopleparse.viz.text import draw_text, shorten

_PAPER, _INK, _FAINT = 250, (34, 34, 34), (110, 110, 110)
_ALPHA, _BARE = 0.7, 32  # of colours over a photo; grey where there is none
_TALLEST = 0.3  # height of a row at most, of the sheet's width
_APART = 60  # between two colours of the legend, at least, sum over channels

Color = tuple[int, int, int]


def draw_set_sheet(
    rows: Mapping[str, Sequence[ParsedPeople]], width: int = 1600
) -> NDArray[np.uint8]:
    """Draw a row of photos a data set, each with its labels beside it, and one legend below.

    Labels of one name ("upper-clothes" is "upper clothes") have one colour on the whole sheet,
    whatever their schemes say: that of the first scheme that shows them, or another one where it
    is too near to one that is taken.

    Args:
        rows: images of each data set, by its name; at least one each.
        width: pixels of the sheet.

    Returns:
        (H, width, 3) uint8.

    Raises:
        InputError: there is no row, or a row without an image.
    """
    empty = [name for name, results in rows.items() if not results]
    if not rows or empty:
        raise InputError(
            f"a sheet must have an image of every data set, got none of {empty or 'any'}. "
            "Give one or leave the data set out."
        )
    colors = _choose_colors([result for results in rows.values() for result in results])
    strips = [_draw_row(name, results, colors, width) for name, results in rows.items()]
    legend = draw_chips(sorted(colors.items()), width, max(11, width // 80))
    return np.concatenate([*strips, legend])


def label_key(name: str) -> str:
    """Return a label's name as all schemes would write it.

    >>> label_key("Upper-clothes"), label_key("left_shoe")
    ('upper clothes', 'left shoe')
    """
    return re.sub(r"[-_ ]+", " ", name).strip().lower()


def _choose_colors(results: Sequence[ParsedPeople]) -> dict[str, Color]:
    """Return the colour of each label that is seen, by its key."""
    colors: dict[str, Color] = {}
    spare = _spare_colors()
    for result in results:
        seen = set(np.unique(result.parsing).tolist())
        for label in result.scheme.labels:
            key = label_key(label.name)
            if not label.id or label.id not in seen or key in colors:
                continue
            own = [tuple(label.color), *spare]
            taken = [(0, 0, 0), *colors.values()]
            color = next((c for c in own if all(_gap(c, t) >= _APART for t in taken)), own[0])
            colors[key] = (int(color[0]), int(color[1]), int(color[2]))
    return colors


def _spare_colors() -> list[Color]:
    """Return many colours, neighbours far apart: turns of the golden angle around the circle."""
    made = list[Color]()
    for n in range(240):
        light, strength = (0.45, 0.62, 0.78)[n % 3], (0.9, 0.6)[n // 3 % 2]
        r, g, b = colorsys.hls_to_rgb(n * 0.618034 % 1, light, strength)
        made.append((round(255 * r), round(255 * g), round(255 * b)))
    return made


def _gap(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True))


def _draw_row(
    name: str, results: Sequence[ParsedPeople], colors: Mapping[str, Color], width: int
) -> NDArray[np.uint8]:
    """Draw the images of one data set below its name."""
    gap, size = max(4, width // 160), max(12, width // 66)
    title = round(2.2 * size)
    shapes = [result.size for result in results]
    room = width - gap * (2 * len(results) + 1)
    high = int(min(room / sum(2 * w / h for h, w in shapes), _TALLEST * width))
    row = np.full((title + high + gap, width, 3), _PAPER, np.uint8)
    scheme = results[0].scheme
    draw_text(row, shorten(name, size, width // 2), gap, title // 2, size, _INK)
    about = f"scheme {scheme.name}, {len(scheme.labels)} labels"
    draw_text(row, about, width // 2, title // 2, round(0.8 * size), _FAINT)
    left = gap
    for result in results:
        wide = max(1, int(high * result.size[1] / result.size[0]))
        for picture, after in ((_photo(result), 2), (_color(result, colors), gap)):
            how = cv2.INTER_AREA if high < picture.shape[0] else cv2.INTER_LINEAR
            tile = cv2.resize(picture, (wide, high), interpolation=how)
            row[title : title + high, left : left + wide] = tile
            left += wide + after
    return row


def _photo(result: ParsedPeople) -> NDArray[np.uint8]:
    return np.full((*result.size, 3), _BARE, np.uint8) if result.image is None else result.image


def _color(result: ParsedPeople, colors: Mapping[str, Color]) -> NDArray[np.uint8]:
    palette = np.zeros((256, 3), np.uint8)
    for label in result.scheme.labels:
        palette[label.id] = colors.get(label_key(label.name), (0, 0, 0))
    shown, picture = painted(result), _photo(result).copy()
    alpha = 1.0 if result.image is None else _ALPHA
    picture[shown] = blend(picture[shown], palette[result.parsing][shown], alpha)
    return picture
