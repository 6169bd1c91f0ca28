"""A strip below a picture that says which colour is what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from peopleparse.structures import ParsedPeople
from peopleparse.viz.palette import person_color
from peopleparse.viz.regions import part_areas
from peopleparse.viz.text import draw_chip, draw_text, shorten, text_width

_PAPER, _INK = 250, (34, 34, 34)


def add_legend(
    picture: NDArray[np.uint8],
    result: ParsedPeople,
    color_by: str,
    names: Sequence[int] | None = None,
) -> NDArray[np.uint8]:
    """Return the picture with a strip below it that names the colours present.

    Args:
        picture: (H, W, 3) uint8.
        result: whose parts or persons are named.
        color_by: "part" or "person".
        names: number of each person; None for 1, 2, ... A person with 0 is not named.
    """
    if color_by == "part":
        entries = [(label.name, label.color) for label, _ in part_areas(result)]
    else:
        names = [p.index for p in result.people] if names is None else names
        entries = [(f"person {name}", person_color(name)) for name in names if name]
    height, width = picture.shape[:2]
    size = int(np.clip(np.sqrt(height * width) / 40, 11, 64))
    strip = draw_chips(entries, width, size)
    return np.concatenate([picture, strip]) if len(strip) else picture


def draw_chips(
    entries: list[tuple[str, tuple[int, int, int]]], width: int, size: int
) -> NDArray[np.uint8]:
    """Draw coloured chips with names in as many rows as the width needs, (h, width, 3) uint8."""
    row, gap, chip = int(size * 1.8), int(size * 0.9), int(size * 1.1)
    places, x, y = [], gap, 0
    for name, color in entries:
        name = shorten(name, size, max(width - chip - 3 * gap, 1))
        needed = chip + gap // 2 + text_width(name, size) + gap
        if x > gap and x + needed > width:
            x, y = gap, y + row
        places.append((name, color, x, y))
        x += needed
    if not places:
        return np.zeros((0, width, 3), np.uint8)
    strip = np.full((y + row + gap, width, 3), _PAPER, np.uint8)
    for name, color, left, top in places:
        middle = top + (row + gap) // 2
        draw_chip(strip, left, middle - chip // 2, chip, color)
        draw_text(strip, name, left + chip + gap // 2, middle, size, _INK)
    return strip
