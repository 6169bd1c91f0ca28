"""Things in front of people: tables, poles, boards, railings, plants, bags.

What they hide is background. A bag is ignored: nobody can tell whose it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.data.people import Portrait
from peopleparse.data.scene_blend import mix
from peopleparse.labels import get_scheme
from peopleparse.transforms.color import cast_light

Image = NDArray[np.uint8]
Size = tuple[int, int]  # height, width
Outline = NDArray[np.float32]
_FINER = 4  # bits of a pixel's fraction in which shapes are drawn
_BAG_PIXELS = 1500  # of a bag in its photo; what is smaller shows a corner only


@dataclass(frozen=True)
class Thing:
    """Something to lay over a frame.

    Attributes:
        alpha: (H, W) float32, 0 to 1, of the whole frame.
        picture: (H, W, 3) uint8 RGB.
        ignored: whether its pixels are ignored; else they are background.
    """

    alpha: NDArray[np.float32]
    picture: Image
    ignored: bool = False


def draw_thing(
    rng: np.random.Generator,
    size: Size,
    columns: Sequence[float],
    backgrounds: Sequence[Image],
    portraits: Sequence[Portrait],
) -> Thing:
    """Draw one thing.

    Args:
        rng: source of chance.
        size: height and width of the frame.
        columns: where people stand, so that it hides somebody.
        backgrounds: photos whose texture it takes.
        portraits: people whose bags it may be.
    """
    if rng.random() < 0.12:
        bag = _bag(rng, size, portraits[int(rng.integers(len(portraits)))])
        if bag:
            return bag
    column = float(rng.choice(columns)) if len(columns) else rng.uniform(0, size[1])
    draw = _SHAPES[int(rng.choice(len(_SHAPES), p=_CHANCES))]
    outlines, plain = draw(rng, size, column)
    alpha = np.zeros(size, np.uint8)
    for outline in outlines:
        points = np.round(outline * (1 << _FINER)).astype(np.int32)
        cv2.fillPoly(alpha, [points], 255, cv2.LINE_AA, _FINER)
    soft = max(0.5, size[0] * rng.uniform(0.001, 0.008))  # near the lens nothing is sharp
    shape = cv2.GaussianBlur(alpha, (0, 0), soft).astype(np.float32)
    return Thing((shape / 255).astype(np.float32), _texture(rng, size, backgrounds, plain, soft))


def put_thing(
    thing: Thing, image: Image, owners: NDArray[np.int16], parsing: NDArray[np.uint8]
) -> None:
    """Lay a thing over image and truth, in place."""
    hidden = thing.alpha > 0.5
    mix(image, thing.picture, thing.alpha)
    owners[hidden] = -1 if thing.ignored else 0
    parsing[hidden] = 0


def _table(rng: np.random.Generator, size: Size, column: float) -> tuple[list[Outline], float]:
    """A table, a counter, a wall or the back of a bench across the lower part of the frame."""
    height, width = size
    edge = float(height * rng.uniform(0.6, 0.93))
    slope = height * rng.normal(0, 0.02)
    left = column - width * rng.uniform(0.15, 1.2)
    right = column + width * rng.uniform(0.15, 1.2)
    lean = height * rng.uniform(0, 0.5)
    corners = [(left, edge - slope), (right, edge + slope), (right + lean, height + 9)]
    return [np.array([*corners, (left - lean, height + 9)], np.float32)], 0.85


def _pole(rng: np.random.Generator, size: Size, column: float) -> tuple[list[Outline], float]:
    """A lamp post, a column, the trunk of a tree."""
    height, width = size
    half = float(width * np.exp(rng.uniform(np.log(0.006), np.log(0.05))))
    top, foot = (column + width * rng.normal(0, 0.05, 2)).tolist()
    end = height + 9 if rng.random() < 0.7 else height * rng.uniform(0.8, 1)
    half_foot = half * rng.uniform(1, 1.3)
    corners = [(top - half, -9), (top + half, -9), (foot + half_foot, end), (foot - half_foot, end)]
    return [np.array(corners, np.float32)], 0.9


def _board(rng: np.random.Generator, size: Size, column: float) -> tuple[list[Outline], float]:
    """A screen, a sign, a poster, a box: four corners, seen a little from the side."""
    height, width = size
    half = np.array([width * rng.uniform(0.04, 0.16), height * rng.uniform(0.05, 0.2)])
    middle = np.array([column + width * rng.normal(0, 0.06), height * rng.uniform(0.45, 0.95)])
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return [(middle + signs * half * rng.uniform(0.85, 1.15, (4, 2))).astype(np.float32)], 0.4


def _railing(rng: np.random.Generator, size: Size, column: float) -> tuple[list[Outline], float]:
    """Two or three rails and the posts that hold them."""
    height, width = size
    top, step = height * rng.uniform(0.5, 0.8), height * rng.uniform(0.08, 0.2)
    thick, tilt = height * rng.uniform(0.005, 0.015), height * rng.normal(0, 0.03)
    bars: list[list[tuple[float, float]]] = []
    for number in range(int(rng.integers(2, 4))):
        y = top + number * step
        ends = [(-9, y - tilt), (width + 9, y + tilt)]
        bars.append([*ends, (ends[1][0], ends[1][1] + thick), (ends[0][0], ends[0][1] + thick)])
    gap = width * rng.uniform(0.12, 0.4)
    for x in np.arange(column % gap, width, gap).tolist():
        left, right, foot = x - thick, x + thick, height + 9
        bars.append([(left, top), (right, top), (right, foot), (left, foot)])
    return [np.array(bar, np.float32) for bar in bars], 0.9


def _plant(rng: np.random.Generator, size: Size, column: float) -> tuple[list[Outline], float]:
    """A bush, a heap, a shoulder: an uneven blob, cut out of a background."""
    height, width = size
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = 1 + sum(
        rng.normal(0, 0.25 / k) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in (2, 3, 5, 9, 14)
    )
    middle = (column + width * rng.normal(0, 0.08), height * rng.uniform(0.7, 1.1))
    reach = height * np.array([rng.uniform(0.08, 0.3), rng.uniform(0.1, 0.35)])
    rim = (
        np.stack([np.cos(angles), np.sin(angles)], axis=1)
        * reach
        * np.maximum(radius, 0.2)[:, None]
    )
    return [(middle + rim).astype(np.float32)], 0.1


_SHAPES: tuple[Callable[[np.random.Generator, Size, float], tuple[list[Outline], float]], ...] = (
    _table,
    _pole,
    _board,
    _railing,
    _plant,
)
_CHANCES = (0.35, 0.2, 0.2, 0.1, 0.15)


def _texture(
    rng: np.random.Generator, size: Size, backgrounds: Sequence[Image], plain: float, soft: float
) -> Image:
    """Return a surface: a piece of a background, more or less evened out, lit from one side."""
    height, width = size
    photo = backgrounds[int(rng.integers(len(backgrounds)))]
    share = rng.uniform(0.25, 0.8)
    h, w = (max(1, int(side * share)) for side in photo.shape[:2])
    y, x = (
        int(rng.integers(full - part + 1))
        for full, part in zip(photo.shape[:2], (h, w), strict=True)
    )
    piece = photo[y : y + h, x : x + w]
    method = cv2.INTER_AREA if h > height else cv2.INTER_LINEAR
    # Smoothed at a quarter of the size: it is much quicker, and looks the same.
    if rng.random() < plain:
        small = cv2.resize(piece, (max(1, width // 8), max(1, height // 8)), interpolation=method)
        streak = (1, 0.2) if rng.random() < 0.5 else (0.2, 1)
        sigmas = [
            max(0.3, side / 8 * rng.uniform(0.1, 0.5) * s)
            for side, s in zip((width, height), streak, strict=True)
        ]
        small = cv2.GaussianBlur(small, (0, 0), sigmaX=sigmas[0], sigmaY=sigmas[1])
        even = np.full_like(small, small.reshape(-1, 3)[int(rng.integers(small.size // 3))])
        small = cv2.addWeighted(small, 0.35, even, 0.65, 0)
        surface = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    else:
        surface = cv2.resize(piece, (width, height), interpolation=method)
        surface = cv2.GaussianBlur(surface, (0, 0), soft)
    lit = np.linspace(1 + rng.uniform(-0.3, 0.3), 1 + rng.uniform(-0.3, 0.3), height)
    field = np.repeat(lit[:, None].astype(np.float32), width, axis=1)
    surface = cv2.multiply(surface, cv2.merge([field] * 3), dtype=cv2.CV_8U).astype(np.uint8)
    return cast_light(surface.astype(np.uint8), rng.uniform(0.85, 1.1, 3))


def _bag(rng: np.random.Generator, size: Size, portrait: Portrait) -> Thing | None:
    """Somebody's bag, put down near the camera at the lower edge of the frame."""
    bag = portrait.parsing == get_scheme("gps").id_of("bag")
    if bag.sum() < _BAG_PIXELS:
        return None
    height, width = size
    rows, columns = np.flatnonzero(bag.any(axis=1)), np.flatnonzero(bag.any(axis=0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    mask, picture = bag[window].astype(np.float32), portrait.image[window]
    scale = height * rng.uniform(0.15, 0.4) / max(mask.shape)
    offset = (rng.uniform(0, width), height * rng.uniform(0.9, 1.05))
    matrix = np.array(
        [
            [scale, 0, offset[0] - scale * mask.shape[1] / 2],
            [0, scale, offset[1] - scale * mask.shape[0]],
        ]
    )
    alpha = cv2.GaussianBlur(cv2.warpAffine(mask, matrix, (width, height)), (0, 0), 0.8)
    border = cv2.BORDER_REPLICATE
    laid = cv2.warpAffine(picture, matrix, (width, height), borderMode=border)
    return Thing(alpha.astype(np.float32), laid.astype(np.uint8), ignored=True)
