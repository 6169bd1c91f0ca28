"""A photo of a huge crowd, seen in overlapping tiles too: where they lie, and whose people count.

n x n tiles are each 2 / (n + 1) of the photo wide and high, and half a tile apart: a person up to
about half a tile in size is whole in one of them. Larger people are seen in the whole photo.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.inference.engine import LONG_SIDES, Floats
from peopleparse.inference.views import group_boxes, join_boxes

MOST_TILES = 8
# A photo is enlarged at most so much before the network sees it: there is nothing more to see.
LARGEST_UPSCALE = 2.0
# A box this near to where a tile was cut off, in box sides, may go on beyond.
_CUT_MARGIN = 0.05
# Of a box that was cut off: if so much lies in the box of somebody whole, it is a piece of them.
_PIECE = 0.6
# Height in pixels, as the network sees it, from which on it finds nearly every person who stands
# free: five cells of its heat map. Measured; see docs/crowds.md.
SMALLEST_SEEN = 80


class Window(NamedTuple):
    """A part of a photo, in its pixels."""

    left: int
    top: int
    width: int
    height: int


def check_tiles(tiles: int) -> None:
    """Check the number of tiles along each side.

    Raises:
        InputError: it is no whole number from 1 to 8.
    """
    if not isinstance(tiles, int) or not 1 <= tiles <= MOST_TILES:
        raise InputError(
            f"tiles must be a whole number from 1 to {MOST_TILES}, got {tiles}. "
            "Leave it out to look at the whole photo only."
        )


def tile_windows(size: tuple[int, int], tiles: int) -> list[Window]:
    """Return the whole photo, and after it the tiles if there are several.

    >>> tile_windows((60, 90), 2)[1:3]
    [Window(left=0, top=0, width=60, height=40), Window(left=30, top=0, width=60, height=40)]
    """
    height, width = size
    whole = Window(0, 0, width, height)
    if tiles == 1:
        return [whole]
    wide, high = (math.ceil(2 * side / (tiles + 1)) for side in (width, height))
    steps = [index / (tiles - 1) for index in range(tiles)]
    found = [
        Window(round(x * (width - wide)), round(y * (height - high)), wide, high)
        for y in steps
        for x in steps
    ]
    return list(dict.fromkeys([whole, *found]))


def smallest_person(
    pixels: float,
    width: int,
    height: int,
    long_sides: Mapping[str, int] = LONG_SIDES,
    smallest_seen: float = SMALLEST_SEEN,
) -> tuple[str, int]:
    """Return the cheapest detail and number of tiles at which people so small are found.

    Args:
        pixels: height of the smallest person wanted, in pixels of the photo.
        width, height: of the photo in pixels.
        long_sides: of a photo as the network sees it, by detail.
        smallest_seen: height in pixels of the smallest person that the network finds.

    Returns:
        The name of a detail and a number of tiles for `Options`. Where not even the most tiles are
        enough, the largest of both.

    Raises:
        InputError: a number is not above 0.

    >>> smallest_person(100, 640, 480), smallest_person(100, 4000, 3000)
    (('normal', 1), ('fine', 8))
    """
    if min(pixels, width, height, smallest_seen) <= 0:
        raise InputError(
            f"pixels, width and height must be above 0, got {pixels:g}, {width} and {height}. "
            "Measure the smallest person of a photo in its pixels."
        )
    choices = [
        (tiles, side, name)
        for tiles in range(1, MOST_TILES + 1)
        for name, side in long_sides.items()
    ]
    # What a choice costs is the pixels that the network sees.
    cost = {choice: (1 + (choice[0] > 1) * choice[0] ** 2) * choice[1] ** 2 for choice in choices}
    choices.sort(key=lambda choice: cost[choice])
    for tiles, side, name in choices:
        tile = max(width, height) * (1 if tiles == 1 else 2 / (tiles + 1))
        if pixels * min(side / tile, LARGEST_UPSCALE) >= smallest_seen:
            return name, tiles
    tiles, _, name = choices[-1]
    return name, tiles


def merge_tiles(
    found: Sequence[tuple[Floats, Floats]],
    windows: Sequence[Window],
    zooms: Sequence[float],
    nms_iou: float,
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Put together what the tiles and the whole photo show, best first.

    Boxes that overlap are one thing, with the best of their scores, and the box of the window that
    sees it largest. A box that ends where a tile was cut off stands back: it counts only if no
    other box covers most of it; of such pieces the larger one comes first.

    Args:
        found: boxes (N, 4) in pixels of the photo and scores (N,) of each window.
        windows: where they looked, the whole photo first.
        zooms: how much larger each sees the photo.
        nms_iou: least overlap of two boxes of one thing, 0 to 1.

    Returns:
        boxes (M, 4) float32, scores (M,) float32 descending, and the window of each box, (M,).
    """
    if len(windows) == 1:
        return *found[0], np.zeros(len(found[0][0]), np.intp)
    boxes, scores, whose = join_boxes(found)
    cut = _is_cut(boxes, windows, whose)
    whole = np.flatnonzero(~cut)
    zoom = np.array(zooms)[whose]
    kept: list[tuple[float, int]] = []
    for group in group_boxes(boxes[whole], scores[whole], whose[whole], nms_iou):
        members = whole[group]
        kept.append((float(scores[members[0]]), int(members[zoom[members].argmax()])))
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    pieces = np.flatnonzero(cut)
    for piece in pieces[np.lexsort((-scores[pieces], -areas[pieces]))].tolist():
        others = boxes[[index for _, index in kept]]
        sides = np.minimum(others[:, 2:], boxes[piece, 2:]) - np.maximum(
            others[:, :2], boxes[piece, :2]
        )
        if not (np.clip(sides, 0, None).prod(axis=1) > _PIECE * areas[piece]).any():
            kept.append((float(scores[piece]), piece))
    kept.sort(key=lambda one: -one[0])
    chosen = np.array([index for _, index in kept], np.intp)
    return boxes[chosen], np.array([score for score, _ in kept], np.float32), whose[chosen]


def _is_cut(boxes: Floats, windows: Sequence[Window], whose: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell which boxes, (N,), end where their window was cut out of the photo, the first window."""
    frames = np.array([(w.left, w.top, w.left + w.width, w.top + w.height) for w in windows])
    inner = frames != frames[0]  # edges of the photo itself cut nobody off that could be seen
    reach = np.tile(boxes[:, 2:] - boxes[:, :2], 2) * _CUT_MARGIN
    return np.asarray(((np.abs(boxes - frames[whose]) <= reach) & inner[whose]).any(axis=1))
