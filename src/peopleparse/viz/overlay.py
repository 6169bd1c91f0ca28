"""A photo with its people drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.structures import ParsedPeople, Person
from peopleparse.viz.legend import add_legend
from peopleparse.viz.palette import blend, person_color, person_palette
from peopleparse.viz.regions import head_point, painted, person_region
from peopleparse.viz.text import make_tag, paste

COLOR_BY = ("part", "person")
NO_PHOTO = 32  # grey that is drawn on where there is no photo


def draw_overlay(
    result: ParsedPeople,
    image: NDArray[np.uint8] | None = None,
    alpha: float = 0.55,
    color_by: Literal["part", "person"] = "part",
    outlines: bool = True,
    numbers: bool = True,
    legend: bool = False,
    ids: Sequence[int] | None = None,
) -> NDArray[np.uint8]:
    """Draw the people of a result over their photo.

    Args:
        result: what to draw.
        image: (H, W, 3) uint8 RGB; None takes `result.image`, and where that is None too, the
            parts are drawn opaque on dark grey.
        alpha: 0 shows only the photo, 1 only the colours.
        color_by: "part" takes the colours of the scheme, "person" one colour a person.
        outlines: draw a line around each person, white with a dark rim.
        numbers: draw each person's number at the head.
        legend: add a strip below with the parts (or persons) that are present.
        ids: number and colour of each person, as in a video where these must stay; 0 is grey
            without a number. None numbers them as the result does.

    Returns:
        (H, W, 3) uint8 RGB; taller than the photo where a legend is added.

    Raises:
        InputError: the photo has another size, or `alpha` or `color_by` is out of range, or
            `ids` are not one a person.
    """
    photo = _check(result, image, alpha, color_by)
    names = _check_ids(result, ids)
    by_part = color_by == "part"
    layer, colors = (
        (result.parsing, result.scheme.palette)
        if by_part
        else (result.instances, person_palette(names))
    )
    opacity = alpha if photo is not None else 1.0
    picture = np.full((*result.size, 3), NO_PHOTO, np.uint8) if photo is None else photo.copy()
    shown = np.flatnonzero(painted(result))
    below, above = picture.reshape(-1, 3).take(shown, axis=0), layer.ravel().take(shown)
    _put_pixels(picture, shown, blend(below, colors.take(above, axis=0), opacity))
    if outlines:
        _draw_outlines(picture, result)
    if numbers:
        _draw_numbers(picture, result, names)
    return add_legend(picture, result, color_by, names) if legend else picture


def _check(
    result: ParsedPeople, image: NDArray[np.uint8] | None, alpha: float, color_by: str
) -> NDArray[np.uint8] | None:
    photo = result.image if image is None else image
    if photo is not None and (photo.shape != (*result.size, 3) or photo.dtype != np.uint8):
        height, width = result.size
        raise InputError(
            f"image must be ({height}, {width}, 3) uint8 like the result, got {photo.shape} "
            f"{photo.dtype}. Give the photo that was parsed, in RGB."
        )
    if not 0 <= alpha <= 1:
        raise InputError(f"alpha must be from 0 to 1, got {alpha}. 0 shows only the photo.")
    if color_by not in COLOR_BY:
        raise InputError(
            f"color_by must be one of {', '.join(COLOR_BY)}, got '{color_by}'. Choose one."
        )
    return photo


def _check_ids(result: ParsedPeople, ids: Sequence[int] | None) -> list[int]:
    names = [person.index for person in result.people] if ids is None else list(ids)
    if len(names) != len(result):
        raise InputError(
            f"ids must be one number a person, got {len(names)} for {len(result)} persons. "
            "Leave them out to number the persons from left to right."
        )
    return names


def _put_pixels(
    picture: NDArray[np.uint8], places: NDArray[np.intp], colors: NDArray[np.uint8]
) -> None:
    """Set pixels, counted row by row, of a (H, W, 3) picture in one piece to (N, 3) colours.

    By place and as items of three bytes: masks over three channels cost several times as much.
    """
    pixels = picture.reshape(-1, 3).view("V3").ravel()
    pixels[places] = np.ascontiguousarray(colors).view("V3").ravel()


def line_width(size: tuple[int, int]) -> float:
    """Return the width of outlines for a photo of (H, W): 1.4 pixels at 640 x 480."""
    return max(1.4, float(np.sqrt(size[0] * size[1])) / 400)


def _draw_outlines(picture: NDArray[np.uint8], result: ParsedPeople) -> None:
    # All rims first, then all cores: a neighbour's rim never cuts a white line.
    width = line_width(result.size)
    rim, core = (np.zeros(result.size, np.float32) for _ in range(2))
    for person in result.people:
        window, distance = _edge_distance(result, person, width)
        np.maximum(core[window], np.clip(width / 2 + 0.5 - distance, 0, 1), out=core[window])
        np.maximum(rim[window], np.clip(width * 1.2 + 0.5 - distance, 0, 1), out=rim[window])
    line = np.flatnonzero(rim > 0)
    below = picture.reshape(-1, 3).take(line, axis=0)
    with_rim = blend(below, (17, 17, 17), rim.ravel()[line] * 0.75)
    _put_pixels(picture, line, blend(with_rim, (255, 255, 255), core.ravel()[line]))


def _edge_distance(
    result: ParsedPeople, person: Person, width: float
) -> tuple[tuple[slice, slice], NDArray[np.float32]]:
    """Return a window of the photo and each pixel's distance to the person's edge in it."""
    pad = int(np.ceil(2 * width)) + 3
    region = person_region(result, person)
    x1, y1, x2, y2 = region.box
    # Padded beyond the photo as well: a person cut off by the border has an edge there.
    mask = np.pad(region.crop, pad).astype(np.uint8)
    inside: Any = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    outside: Any = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)
    # The edge lies half a pixel from the centres at it. Smoothed a little: a mask's staircase
    # becomes a line.
    signed = inside - outside - np.where(mask, np.float32(0.5), np.float32(-0.5))
    signed = cv2.GaussianBlur(signed, (0, 0), max(0.7, width / 2))
    top, left = max(y1 - pad, 0), max(x1 - pad, 0)
    bottom, right = min(y2 + pad, result.size[0]), min(x2 + pad, result.size[1])
    near = np.abs(signed)[top - y1 + pad : bottom - y1 + pad, left - x1 + pad : right - x1 + pad]
    return np.s_[top:bottom, left:right], near


def _draw_numbers(picture: NDArray[np.uint8], result: ParsedPeople, names: Sequence[int]) -> None:
    height, width = result.size
    largest = float(np.sqrt(height * width)) / 30
    taken: list[tuple[int, int, int, int]] = []
    for person, name in zip(result.people, names, strict=True):
        if not name:
            continue
        tall = float(person.box[3] - person.box[1])
        size = max(9, round(min(largest, tall / 6)))
        colors, alpha = make_tag(str(name), size, person_color(name))
        tag_height, tag_width = alpha.shape
        x, y = head_point(result, person)
        left = int(np.clip(round(x - tag_width / 2), 0, max(0, width - tag_width)))
        top = int(np.clip(round(y - tag_height * 0.8), 0, max(0, height - tag_height)))
        top = _move_clear(left, top, tag_width, tag_height, taken, height)
        taken.append((left, top, left + tag_width, top + tag_height))
        paste(picture, colors, alpha, left, top)


def _move_clear(
    left: int, top: int, width: int, height: int, taken: list[tuple[int, int, int, int]], limit: int
) -> int:
    """Return the nearest top, at or below the wish, where a tag lies on no other tag."""
    for step in range(len(taken) + 1):
        down = min(top + step * (height + 1), max(0, limit - height))
        if not any(
            left < x2 and left + width > x1 and down < y2 and down + height > y1
            for x1, y1, x2, y2 in taken
        ):
            return down
    return top
