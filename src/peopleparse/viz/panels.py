"""Figures made of panels: pictures in rows and columns with captions, boxes, outlines and a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.labels import Scheme
from peopleparse.viz.legend import draw_chips
from peopleparse.viz.palette import blend
from peopleparse.viz.text import draw_text, shorten, text_width

Picture = NDArray[np.uint8]
Color = tuple[int, int, int]
Entry = tuple[str, Color]

PAPER, INK, FAINT = 255, (34, 34, 34), (95, 95, 95)
OUTSIDE = 224  # grey where a box reaches beyond its photo
TEXT = 17  # height of text in pixels
_GAP = 8
_TALLEST = 1.7  # height of a panel in widths; what is taller is made narrower


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of a figure.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        note: a line below it, or "".
    """

    picture: Picture
    note: str = ""


def draw_panels(
    rows: Sequence[Sequence[Panel]],
    columns: Sequence[str],
    keys: Sequence[tuple[str, Sequence[Entry]]] = (),
    footer: str = "",
    width: int = 320,
) -> Picture:
    """Put panels in rows and columns on white paper.

    Args:
        rows: one panel a column each.
        columns: what stands above the columns; "(a)", "(b)" and so on are put before it.
        keys: rows of coloured chips below: what they are about (or ""), then names and colours.
        footer: a text below everything, broken into lines where it is too long.
        width: of a column in pixels; pictures keep their shape.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: there is no row or no column, or a row has not one panel a column.
    """
    count = len(columns)
    if not rows or not count or any(len(row) != count for row in rows):
        raise InputError(
            f"a figure must have rows of one panel a column, got {[len(row) for row in rows]} "
            f"panels for {count} columns. Give an image, and each row all of its panels."
        )
    whole = _GAP + count * (width + _GAP)
    lefts = [_GAP + n * (width + _GAP) for n in range(count)]
    head = _paper(2 * TEXT, whole)
    for n, (left, name) in enumerate(zip(lefts, columns, strict=True)):
        text = shorten(f"({chr(97 + n % 26)}) {name}", TEXT, width)
        x = left + (width - text_width(text, TEXT)) // 2
        draw_text(head, text, x, TEXT, TEXT, INK)
    strips = [head, *(_draw_row(row, lefts, whole, width) for row in rows)]
    strips += [_draw_key(title, entries, whole) for title, entries in keys]
    strips += [_draw_lines(footer, whole)] if footer else []
    return np.concatenate(strips)


def fit_panel(picture: Picture, width: int) -> Picture:
    """Scale a picture to the width of a column; a very tall one becomes narrower than that."""
    height, wide = picture.shape[:2]
    scale = min(width / wide, _TALLEST * width / height)
    size = max(1, round(wide * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def fit_labels(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Scale a label map to (height, width) without mixing labels."""
    return np.asarray(cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT))


def paint_parts(
    parsing: NDArray[np.uint8],
    scheme: Scheme,
    instances: NDArray[np.uint16] | None = None,
    width: int = 320,
) -> Picture:
    """Draw label ids in the colours of their scheme on white, at the width of a column.

    Args:
        parsing: (H, W) label ids; ignored pixels are light grey.
        scheme: gives the colours.
        instances: (H, W) person numbers: a dark line is drawn around each person.
        width: of the column.
    """
    colors = scheme.palette.copy()
    colors[0], colors[scheme.ignore_id] = PAPER, OUTSIDE
    picture = fit_panel(colors[parsing], width)
    if instances is not None:
        small = fit_labels(instances, (picture.shape[0], picture.shape[1]))
        for number in np.unique(small[small > 0]).tolist():
            draw_outline(picture, small == number, INK, 1.2)
    return frame(picture)


def frame(picture: Picture) -> Picture:
    """Draw a thin grey line around a picture, in place, so that a white one has an edge."""
    picture[[0, -1]], picture[:, [0, -1]] = 190, 190
    return picture


def draw_outline(
    picture: Picture, mask: NDArray[np.bool_], color: Color, width: float, rim: float = 0
) -> None:
    """Draw a smooth line along the edge of a (H, W) mask, in place.

    Args:
        picture: (H, W, 3), changed.
        mask: one thing.
        color: of the line.
        width: of the line in pixels.
        rim: width of a dark line on both sides of it.
    """
    # Padded: a mask that touches the border has an edge there.
    padded = np.pad(mask, 2).astype(np.uint8)
    inside: Any = cv2.distanceTransform(padded, cv2.DIST_L2, 5)
    outside: Any = cv2.distanceTransform(1 - padded, cv2.DIST_L2, 5)
    signed = cv2.GaussianBlur(inside - outside, (0, 0), 0.8)
    # The line lies on the inside: two persons who touch keep a line each.
    distance = np.abs(signed[2:-2, 2:-2] - width / 2)
    for reach, ink in ((width / 2 + rim, (17, 17, 17)), (width / 2, color)):
        alpha = np.clip(reach + 0.5 - distance, 0, 1)
        near = alpha > 0
        picture[near] = blend(picture[near], ink, alpha[near])


def draw_box(picture: Picture, box: NDArray[np.floating], color: Color, thick: int = 3) -> None:
    """Draw a box, (4,) in pixels of the picture, with a dark rim, in place."""
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    for rim, ink in ((1, (17, 17, 17)), (0, color)):
        out, inn = thick // 2 + rim, thick - thick // 2 + rim  # beyond the edge, and inside it
        left, top, right, bottom = (max(v, 0) for v in (x1 - out, y1 - out, x2 + out, y2 + out))
        picture[top : max(y1 + inn, 0), left:right] = ink
        picture[max(y2 - inn, 0) : bottom, left:right] = ink
        picture[top:bottom, left : max(x1 + inn, 0)] = ink
        picture[top:bottom, max(x2 - inn, 0) : right] = ink


def draw_dot(picture: Picture, x: float, y: float, color: Color, radius: int = 4) -> None:
    """Draw a dot with a dark rim, in place."""
    place = (round(x), round(y))
    cv2.circle(picture, place, radius + 1, (17, 17, 17), -1, cv2.LINE_AA)
    cv2.circle(picture, place, radius, color, -1, cv2.LINE_AA)


def cut_box(image: Picture, box: NDArray[np.floating], size: tuple[int, int]) -> Picture:
    """Cut a box out of an image and stretch it to (height, width); grey outside the image."""
    x1, y1, x2, y2 = (float(v) for v in box)
    height, width = size
    across, down = width / (x2 - x1), height / (y2 - y1)
    if min(across, down) < 0.5:  # otherwise a large box would be sampled too coarsely
        image = np.asarray(
            cv2.resize(image, None, fx=across, fy=down, interpolation=cv2.INTER_AREA), np.uint8
        )
        x1, y1, across, down = x1 * across, y1 * down, 1.0, 1.0
    # Pixel centres lie at halves.
    move = np.array(
        [
            [across, 0, -x1 * across + (across - 1) / 2],
            [0, down, -y1 * down + (down - 1) / 2],
        ]
    )
    cut = cv2.warpAffine(
        image, move, (width, height), flags=cv2.INTER_LINEAR, borderValue=(OUTSIDE,) * 3
    )
    return np.asarray(cut, np.uint8)


def join_row(pictures: Sequence[Picture], height: int, width: int, places: int) -> Picture:
    """Put pictures of one size side by side at the left of a white strip with room for `places`."""
    strip = _paper(height, width)
    step = (width + _GAP) // max(places, 1)
    for n, picture in enumerate(pictures):
        strip[: picture.shape[0], n * step : n * step + picture.shape[1]] = picture
    return strip


def parts_key(parsings: Sequence[NDArray[np.uint8]], scheme: Scheme) -> tuple[str, list[Entry]]:
    """Return the key of the parts that some (H, W) maps show, in the order of the scheme."""
    present = np.zeros(256, bool)
    for parsing in parsings:
        present[parsing.ravel()] = True
    entries = [(label.name, label.color) for label in scheme.labels if label.id]
    ids = [label.id for label in scheme.labels if label.id]
    return "", [entry for label_id, entry in zip(ids, entries, strict=True) if present[label_id]]


def _paper(height: int, width: int) -> Picture:
    return np.full((height, width, 3), PAPER, np.uint8)


def _draw_row(row: Sequence[Panel], lefts: Sequence[int], whole: int, width: int) -> Picture:
    pictures = [fit_panel(panel.picture, width) for panel in row]
    tallest = max(picture.shape[0] for picture in pictures)
    line = round(1.6 * TEXT) if any(panel.note for panel in row) else 0
    strip = _paper(tallest + line + _GAP, whole)
    for panel, picture, left in zip(row, pictures, lefts, strict=True):
        x = left + (width - picture.shape[1]) // 2
        strip[: picture.shape[0], x : x + picture.shape[1]] = picture
        if panel.note:
            text = shorten(panel.note, TEXT - 2, width)
            x = left + (width - text_width(text, TEXT - 2)) // 2
            draw_text(strip, text, x, tallest + line // 2 + 1, TEXT - 2, FAINT)
    return strip


def _draw_key(title: str, entries: Sequence[Entry], whole: int) -> Picture:
    side = text_width(title, TEXT) + _GAP if title else 0
    chips = draw_chips(list(entries), whole - side, TEXT)
    chips[(chips == chips[-1:, -1:]).all(axis=2)] = PAPER
    strip = _paper(len(chips), whole)
    strip[:, side:] = chips
    if title:
        # The middle of the first row of chips, as `draw_chips` puts it.
        draw_text(strip, title, _GAP, (int(TEXT * 1.8) + int(TEXT * 0.9)) // 2, TEXT, INK)
    return strip


def _draw_lines(text: str, whole: int) -> Picture:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, TEXT) > whole - 2 * _GAP:
            lines.append(word)
        else:
            lines[-1] = longer
    step = round(1.5 * TEXT)
    strip = _paper(step * len(lines) + _GAP, whole)
    for n, line in enumerate(lines):
        draw_text(strip, line, _GAP, n * step + step // 2, TEXT, FAINT)
    return strip
