"""All label schemes on one figure: id, colour, name, flip partner and joint of every label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.labels import Label, Scheme, scheme_title
from peopleparse.viz.text import draw_chip, draw_text, shorten, text_width

_PAPER, _BAND = (255, 255, 255), (244, 244, 241)
_INK, _FAINT, _RULE = (29, 29, 31), (105, 110, 116), (200, 200, 196)
_ROWS = 20  # labels in a column: most schemes are one column high
_HEAD = ("id", "label", "mirrored", "joint")


def draw_scheme_sheet(
    schemes: Sequence[Scheme], size: int = 15, width: int = 1800
) -> NDArray[np.uint8]:
    """Draw schemes as tables on one sheet, left to right, in rows.

    A column for flip partners or joints is there where the scheme has any. A scheme of many labels
    has several columns side by side.

    Args:
        schemes: at least one.
        size: text height in pixels.
        width: pixels that a row of tables fills; a wider table makes the sheet wider.

    Returns:
        (H, W, 3) uint8.

    Raises:
        InputError: there is no scheme.
    """
    if not schemes:
        raise InputError("a sheet must have a scheme, got none. Name one.")
    gap = 2 * size
    shelves: list[list[NDArray[np.uint8]]] = []
    for table in [draw_scheme_table(scheme, size) for scheme in schemes]:
        needed = gap + table.shape[1]
        free = (s for s in shelves if gap + needed + sum(t.shape[1] + gap for t in s) <= width)
        shelf = next(free, None)
        if shelf is None:
            shelves.append([table])
        else:
            shelf.append(table)
    wide = max(gap + sum(t.shape[1] + gap for t in shelf) for shelf in shelves)
    high = gap + sum(max(t.shape[0] for t in shelf) + gap for shelf in shelves)
    sheet = np.full((high, wide, 3), _PAPER, np.uint8)
    top = gap
    for shelf in shelves:
        left = gap
        for table in shelf:
            height, used = table.shape[:2]
            sheet[top : top + height, left : left + used] = table
            left += used + gap
        top += max(t.shape[0] for t in shelf) + gap
    return sheet


def draw_scheme_table(scheme: Scheme, size: int = 15) -> NDArray[np.uint8]:
    """Draw one scheme as a table below its name, (H, W, 3) uint8."""
    row, title_size = round(1.7 * size), round(1.25 * size)
    labels = scheme.labels
    columns = [
        _draw_column(scheme, labels[n : n + _ROWS], size) for n in range(0, len(labels), _ROWS)
    ]
    count = f"{len(labels)} labels{_note(scheme)}"
    named = max(text_width(scheme.name, title_size), text_width(count, size))
    wide = max(sum(c.shape[1] + size // 2 for c in columns), named + size)
    table = np.full((4 * row + columns[0].shape[0], wide, 3), _PAPER, np.uint8)
    draw_text(table, scheme.name, 0, row // 2, title_size, _INK)
    title = shorten(scheme_title(scheme.name), size, wide)
    draw_text(table, title, 0, row // 2 + row, size, _FAINT)
    draw_text(table, count, 0, row // 2 + 2 * row, size, _FAINT)
    table[3 * row + row // 2] = _RULE
    left = 0
    for column in columns:
        table[4 * row : 4 * row + len(column), left : left + column.shape[1]] = column
        left += column.shape[1] + size // 2
    return table


def _draw_column(scheme: Scheme, labels: Sequence[Label], size: int) -> NDArray[np.uint8]:
    """Draw some labels below their heading, without what none of them has."""
    row, cells = round(1.7 * size), [_cells(scheme, label) for label in labels]
    widths = {
        n: max(text_width(line[n], size) for line in (_HEAD, *cells)) + size
        for n in range(len(_HEAD))
        if any(line[n] for line in cells)
    }
    column = np.full((row * (len(cells) + 1), row + sum(widths.values()), 3), _PAPER, np.uint8)
    _draw_row(column, _HEAD, row // 2, widths, size, (_FAINT,) * 4)
    side = round(1.15 * size)
    for line, label in enumerate(labels, 1):
        top = line * row
        if line % 2:
            column[top : top + row] = _BAND
        draw_chip(column, 2, top + (row - side) // 2, side, label.color)
        inks = (_FAINT, _INK, _FAINT, _FAINT)
        _draw_row(column, cells[line - 1], top + row // 2, widths, size, inks)
    return column


def _draw_row(
    picture: NDArray[np.uint8],
    cells: tuple[str, ...],
    middle: int,
    widths: dict[int, int],
    size: int,
    inks: tuple[tuple[int, int, int], ...],
) -> None:
    x = round(1.7 * size)
    for n, width in widths.items():
        # Numbers end below each other, words begin below each other.
        shift = width - size - text_width(cells[n], size) if n == 0 else 0
        draw_text(picture, cells[n], x + shift, middle, size, inks[n])
        x += width


def _cells(scheme: Scheme, label: Label) -> tuple[str, ...]:
    partner = "" if label.flip in (None, label.id) else scheme.names[label.flip or 0]
    return (str(label.id), label.name, partner, label.joint)


def _has_sides(scheme: Scheme) -> bool:
    return any(label.flip not in (None, label.id) for label in scheme.labels)


def _note(scheme: Scheme) -> str:
    if any(label.flip is None for label in scheme.labels):
        return ", sides unknown: a flip is refused"
    return "" if _has_sides(scheme) else ", none has a side"
