"""Contact sheets, and a figure of a label scheme."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.labels import Scheme
from peopleparse.viz.text import draw_chip, draw_text, shorten, text_width

_PAPER, _INK, _FAINT = 250, (34, 34, 34), (110, 110, 110)


def draw_sheet(
    tiles: Sequence[NDArray[np.uint8]],
    columns: int = 4,
    captions: Sequence[str] | None = None,
    tile_size: tuple[int, int] = (320, 320),
) -> NDArray[np.uint8]:
    """Put pictures on one sheet, each fitted into a tile with its caption below.

    Args:
        tiles: (H, W, 3) uint8 pictures of any size.
        columns: tiles in a row.
        captions: one line of text a tile, cut where it is too long.
        tile_size: (h, w) of each tile; pictures keep their shape inside it.

    Returns:
        (H, W, 3) uint8.

    Raises:
        InputError: there are no tiles, no columns, or not one caption a tile.
    """
    if not tiles or columns < 1:
        raise InputError(
            f"a sheet must have a tile and a column, got {len(tiles)} tiles in {columns} columns. "
            "Give at least one of each."
        )
    if captions is not None and len(captions) != len(tiles):
        raise InputError(
            f"captions must be one a tile, got {len(captions)} for {len(tiles)} tiles. "
            "Give None for a sheet without."
        )
    high, wide = tile_size
    gap, size = max(4, wide // 40), max(9, wide // 22)
    line = round(size * 1.8) if captions else 0
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    shape = (gap + rows * (high + line + gap), gap + columns * (wide + gap), 3)
    sheet = np.full(shape, _PAPER, np.uint8)
    for n, tile in enumerate(tiles):
        top, left = (gap + n // columns * (high + line + gap), gap + n % columns * (wide + gap))
        picture = _fit(tile, high, wide)
        y, x = top + high - picture.shape[0], left + (wide - picture.shape[1]) // 2
        sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
        if captions:
            text = shorten(captions[n], size, wide)
            draw_text(sheet, text, left, top + high + line // 2, size, _INK)
    return sheet


def _fit(tile: NDArray[np.uint8], high: int, wide: int) -> NDArray[np.uint8]:
    scale = min(high / tile.shape[0], wide / tile.shape[1])
    width, height = (max(1, round(side * scale)) for side in (tile.shape[1], tile.shape[0]))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(tile, (width, height), interpolation=how), np.uint8)


def draw_scheme(scheme: Scheme, size: int = 18) -> NDArray[np.uint8]:
    """Draw a label scheme as a table: colour, id, name, flip partner, joint.

    Args:
        scheme: the labels.
        size: text height in pixels.

    Returns:
        (H, W, 3) uint8.
    """
    head = ("id", "label", "mirrored becomes", "joint")
    names = {label.id: label.name for label in scheme.labels}
    table = [
        (
            str(label.id),
            label.name,
            "unknown" if label.flip is None else _partner(label.id, label.flip, names),
            label.joint,
        )
        for label in scheme.labels
    ]
    widths = [max(text_width(row[n], size) for row in (head, *table)) for n in range(len(head))]
    row, gap = round(size * 1.9), round(size * 1.4)
    lefts = np.cumsum([gap + 2 * size, *(width + gap for width in widths)])
    picture = np.full((row * (len(table) + 2) + gap, int(lefts[-1]), 3), _PAPER, np.uint8)
    draw_text(picture, f"scheme {scheme.name}", gap, row, round(size * 1.2), _INK)
    for n, cells in enumerate((head, *table), 1):
        middle = row // 2 + n * row + gap // 2
        if n > 1:
            top = middle - round(size * 0.6)
            draw_chip(picture, gap, top, round(size * 1.2), scheme.labels[n - 2].color)
        for left, cell in zip(lefts, cells, strict=False):
            draw_text(picture, cell, int(left), middle, size, _FAINT if n == 1 else _INK)
    return picture


def _partner(own: int, flip: int, names: dict[int, str]) -> str:
    return "itself" if flip == own else names[flip]
