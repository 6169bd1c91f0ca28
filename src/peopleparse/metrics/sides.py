"""The two sides of an image, truth and prediction: their persons, and what these share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.runs import Ints, Runs, find_runs, sum_runs

_FAR = 1 << 31  # beyond any pixel


class Sheet(NamedTuple):
    """Persons that do not overlap: (H, W) uint8 labels, and person numbers, 0 for nobody."""

    labels: NDArray[np.uint8]
    owners: Ints


class Table(NamedTuple):
    """A joint histogram: K different pixels, (K,) each, and how many there are of each.

    Attributes:
        labels, owners: label and person in the truth, 0 for nobody.
        predicted, finders: the same in the prediction.
        pixels: how many.
    """

    labels: NDArray[np.intp]
    owners: NDArray[np.intp]
    predicted: NDArray[np.intp]
    finders: NDArray[np.intp]
    pixels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Side:
    """Persons of one side, N of them.

    Attributes:
        size: (height, width).
        maps: (N, H, W) label ids, one map a person; or one sheet of them all.
        areas: (N, 256) pixels of each value; value 0 of a person is the rest of the image.
        nobody: (256,) pixels of each value that belong to nobody; only a sheet can have them.
        boxes: (N, 4) int32 x1, y1, x2, y2 around the pixels that are not 0; zeros for none.
    """

    size: tuple[int, int]
    maps: NDArray[np.uint8] | Sheet
    areas: NDArray[np.int64]
    nobody: NDArray[np.int64]
    boxes: NDArray[np.int32]

    @property
    def count(self) -> int:
        """Number of persons."""
        return len(self.areas)

    def crop(self, index: int) -> NDArray[np.uint8]:
        """Return the labels of person `index` (from 0) in its box; everyone else is 0."""
        x1, y1, x2, y2 = self.boxes[index].tolist()
        if not isinstance(self.maps, Sheet):
            return self.maps[index, y1:y2, x1:x2]
        labels, owners = (part[y1:y2, x1:x2] for part in self.maps)
        return labels * (owners == index + 1)

    def order(self) -> NDArray[np.intp]:
        """Return the persons left to right: by box (x1, y1, x2, y2), then by labels."""
        keys: list[Any] = [tuple(box) for box in self.boxes.tolist()]
        if len(set(keys)) < len(keys):
            keys = [(box, self.crop(index).tobytes()) for index, box in enumerate(keys)]
        return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.intp)

    def boxes_without(self, value: int) -> NDArray[np.int32]:
        """Return (N, 4) boxes around the pixels that are neither 0 nor `value`; zeros for none."""
        boxes = self.boxes.copy()
        for index in self.areas[:, value].nonzero()[0].tolist():
            crop = self.crop(index)
            kept = (crop != 0) & (crop != value)
            ys, xs = kept.any(1).nonzero()[0], kept.any(0).nonzero()[0]
            x1, y1 = self.boxes[index, :2].tolist()
            boxes[index] = 0
            if ys.size:
                boxes[index] = x1 + xs[0], y1 + ys[0], x1 + xs[-1] + 1, y1 + ys[-1] + 1
        return boxes

    def flatten(self, order: Ints | Sequence[int], ignore_id: int | None) -> NDArray[np.uint8]:
        """Return (H, W) labels of all persons; where they overlap, the earlier in `order` wins.

        A label wins over ignored, whoever has it; what nobody owns is kept only if it is ignored.
        """
        if isinstance(self.maps, Sheet):
            labels, owners = self.maps
            if {0, ignore_id}.issuperset(self.nobody.nonzero()[0].tolist()):
                return labels
            return labels * ((owners > 0) | (labels == (ignore_id or 0)))
        flat = np.zeros(self.size, np.uint8)
        ignoring = [] if ignore_id is None else self.areas[:, ignore_id].nonzero()[0].tolist()
        spots = [np.s_[y1:y2, x1:x2] for x1, y1, x2, y2 in self.boxes.tolist()]
        for index in ignoring:
            flat[spots[index]][self.crop(index) == ignore_id] = ignore_id or 0
        for index in reversed([int(i) for i in order]):
            crop = self.crop(index)
            if index in ignoring:
                crop = crop * (crop != ignore_id)
            below = flat[spots[index]] * (crop == 0)
            np.bitwise_or(below, crop, out=flat[spots[index]])
        return flat


def read_stack(maps: NDArray[np.uint8], under: Sequence[Sheet] = ()) -> tuple[Side, list[Table]]:
    """Read the persons of (N, H, W) label maps.

    Args:
        maps: one map a person.
        under: sheets of the truth.

    Returns:
        The persons, and a table for each sheet: it has all pixels of each person that are not 0.
    """
    count, height, width = maps.shape
    boxes = np.zeros((count, 4), np.int32)
    sheets: Sequence[Sequence[NDArray[Any]]] = under or [()]
    found: list[list[list[NDArray[Any]]]] = [[] for _ in sheets]  # by sheet, by person
    for index, labels in enumerate(maps):
        filled = np.bitwise_or.reduce(labels, axis=0).nonzero()[0]
        if not filled.size:
            continue
        x1, x2 = int(filled[0]), int(filled[-1]) + 1
        band = labels[:, x1:x2].reshape(-1)
        below = [[part[:, x1:x2].reshape(-1) for part in sheet] for sheet in sheets]
        runs = find_runs([band], [part for parts in below for part in parts])
        y1, y2 = _rows(band, runs, x2 - x1)
        boxes[index] = x1, y1, x2, y2
        for parts, picked in zip(below, found, strict=True):
            *columns, lengths = _pick([*parts, band], runs)
            picked.append([*columns, np.full(len(lengths), index + 1), lengths])
    summed = [_sum_persons(picked, len(parts)) for parts, picked in zip(sheets, found, strict=True)]
    (*_, values, persons), pixels = summed[0]
    side = _make_side((height, width), maps, _areas(values, persons, pixels, count), boxes)
    return side, [_make_table(rows, pixels) for rows, pixels in summed if under]


def read_sheets(
    sheets: Sequence[Sheet],
    counts: Sequence[int | None],
    under: Sequence[Sheet] = (),
    where: str = "",
) -> tuple[list[Side], list[Table]]:
    """Read the persons of one sheet, or of one of the truth and one of the prediction, in one go.

    Args:
        sheets: one or two of one size; the last is what tables predict.
        counts: persons of each sheet, where the last may have no pixel; None: the highest number.
        under: other sheets of the truth.
        where: named in errors, such as the image.

    Returns:
        The persons of each of the sheets, and a table for each other sheet with all pixels.

    Raises:
        InputError: a person number is negative or above the count.
    """
    size = height, width = sheets[0].labels.shape
    pairs: list[list[Ints]] = [[part.reshape(-1) for part in s] for s in (*under, *sheets)]
    runs = find_runs([part for pair in pairs for part in pair], width=width)
    if runs is None:
        columns, places = pairs, np.arange(height * width)
    else:
        columns, places = [[part.take(runs[0]) for part in pair] for pair in pairs], runs[0]
    lengths = None if runs is None else runs[1]
    totals = [
        _count_persons(owners, count, where)
        for (_, owners), count in zip(columns[len(under) :], counts, strict=True)
    ]
    summed = [sum_runs([*pair, *columns[-1]], lengths) for pair in columns[:-1] or [[]]]
    ys = places // width
    xs = places - ys * width
    corners = (xs, ys, xs + (1 if lengths is None else lengths), ys + 1)
    sides = []
    for index, (sheet, count) in enumerate(zip(sheets, totals, strict=True), len(under)):
        labels, owners = columns[index]
        last = index == len(columns) - 1
        found, pixels = summed[0 if last else index]
        values, persons = found[-2:] if last else found[:2]
        areas = _areas(values, persons, pixels, count)
        boxes = _boxes(owners * (labels != 0), corners, count)
        sides.append(_make_side(size, sheet, areas, boxes))
    return sides, [_make_table(rows, pixels) for rows, pixels in summed if len(columns) > 1]


def make_sheets(side: Side) -> list[Sheet]:
    """Return the persons on as few sheets as it takes for none to overlap another."""
    if isinstance(side.maps, Sheet):
        return [side.maps]
    wide = np.min_scalar_type(side.count).type
    sheets: list[Sheet] = []
    for index, (x1, y1, x2, y2) in enumerate(side.boxes.tolist()):
        spot, crop = np.s_[y1:y2, x1:x2], side.crop(index)
        mine = (crop != 0).astype(wide)
        mine *= wide(index + 1)
        for sheet in sheets:
            if not np.logical_and(sheet.owners[spot], mine).any():
                break
        else:
            sheet = Sheet(np.zeros(side.size, np.uint8), np.zeros(side.size, wide))
            sheets.append(sheet)
        sheet.labels[spot] |= crop
        sheet.owners[spot] |= mine
    return sheets


def _pick(parts: Sequence[NDArray[Any]], runs: Runs | None) -> list[NDArray[Any]]:
    """Return values and lengths of runs, or of different pixels where there are no runs."""
    if runs is None:
        rows, pixels = sum_runs(parts, None)
        return [*rows, pixels]
    return [*(part.take(runs[0]) for part in parts), runs[1]]


def _sum_persons(
    picked: list[list[NDArray[Any]]], num_parts: int
) -> tuple[list[NDArray[np.intp]], NDArray[np.int64]]:
    if not picked:
        return [np.zeros(0, np.intp)] * (num_parts + 2), np.zeros(0, np.int64)
    *columns, lengths = (np.concatenate(part) for part in zip(*picked, strict=True))
    return sum_runs(columns, lengths)


def _rows(band: NDArray[np.uint8], runs: Runs | None, width: int) -> tuple[int, int]:
    """Return the first row that is not 0, and the one after the last."""
    if runs is None:
        filled = np.flatnonzero(band.reshape(-1, width).any(1))
        return int(filled[0]), int(filled[-1]) + 1
    starts, lengths = runs
    # No two runs of label 0 are neighbours.
    first, last = int(band[0] == 0), -1 - int(band[-1] == 0)
    return int(starts[first]) // width, int(starts[last] + lengths[last] - 1) // width + 1


def _areas(
    labels: NDArray[np.intp], owners: NDArray[np.intp], pixels: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    areas = np.zeros((count + 1, 256), np.int64)
    np.add.at(areas, (owners, labels), pixels)
    return areas


def _make_table(rows: list[NDArray[np.intp]], pixels: NDArray[np.int64]) -> Table:
    labels, owners, predicted, finders = rows
    return Table(labels, owners, predicted, finders, pixels)


def _make_side(
    size: tuple[int, int],
    maps: NDArray[np.uint8] | Sheet,
    areas: NDArray[np.int64],
    boxes: NDArray[np.int32],
) -> Side:
    nobody = areas[0].copy()
    areas[:, 0] = size[0] * size[1] - areas[:, 1:].sum(1)
    return Side(size, maps, areas[1:], nobody, boxes)


def _count_persons(numbers: Ints, count: int | None, where: str) -> int:
    low, high = int(numbers.min()), int(numbers.max())
    count = max(high, 0) if count is None else count
    if low < 0 or high > count:
        raise InputError(
            f"instances must be person numbers 0 to {count}, got {low} to {high}"
            f"{f', at {where}' if where else ''}. "
            "Number the persons 1 to P and give one score each."
        )
    return count


def _boxes(owners: Ints, corners: Sequence[Ints], count: int) -> NDArray[np.int32]:
    """Return the boxes of persons 1 to N by owner and x1, y1, x2, y2 of each run."""
    index = owners.astype(np.intp)
    low, high = np.full((2, count + 1), _FAR), np.zeros((2, count + 1), np.intp)
    for row in (0, 1):
        np.minimum.at(low[row], index, corners[row])
        np.maximum.at(high[row], index, corners[row + 2])
    low[high == 0] = 0
    return np.concatenate([low, high]).T[1:].astype(np.int32)
