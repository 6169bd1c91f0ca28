"""The two sides of an image, truth and prediction: their persons, and what these share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.runs import Ints, find_runs, sum_runs


_FAR = 1 << 31


class Sheet(NamedTuple):
    """Persons that do not overlap: (H, W) uint8 labels, and person numbers, 0 for nobody."""

    labels: NDArray[np.uint8]
    owners: Ints


class Joint(NamedTuple):
    """A joint histogram: K different pixels, and how many there are of each.

    Attributes:
        sheets: by sheet, (K,) labels and (K,) person numbers; the prediction is the last.
        pixels: (K,).
        whole: whether it counts each pixel of the image once; otherwise it counts those of each
            predicted person, and there may be more whose predicted label is 0.
    """

    sheets: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]
    pixels: NDArray[np.int64]
    whole: bool

    @property
    def is_confusion(self) -> bool:
        """Whether each pixel is there once, with one label on each side."""
        return self.whole and len(self.sheets) == 2


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
        for index in self.areas[:, value].nonzero()[0]:
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
            flat[spots[index]][self.crop(index) == ignore_id] = ignore_id
        for index in reversed([int(i) for i in order]):
            crop = self.crop(index)
            if index in ignoring:
                crop = crop * (crop != ignore_id)
            below = flat[spots[index]] * (crop == 0)
            np.bitwise_or(below, crop, out=flat[spots[index]])
        return flat


def read_stack(maps: NDArray[np.uint8], sheets: Sequence[Sheet] = ()) -> tuple[Side, Joint]:
    """Read the persons of (N, H, W) label maps, and the sheets under them."""
    count, height, width = maps.shape
    boxes = np.zeros((count, 4), np.int32)
    under = [part for sheet in sheets for part in sheet]
    found = [tuple(np.zeros(0, np.intp) for _ in range(len(under) + 3))]
    for index, labels in enumerate(maps):
        columns = np.bitwise_or.reduce(labels, axis=0).nonzero()[0]
        if columns.size:
            x1, x2 = int(columns[0]), int(columns[-1]) + 1
            bands = [part[:, x1:x2].reshape(-1) for part in (*under, labels)]
            starts, lengths = find_runs(bands[-1:], bands[:-1])
            runs = [band.take(starts) for band in bands]
            # No two runs of label 0 are neighbours, so the person begins in the first or second.
            first, last = int(runs[-1][0] == 0), -1 - int(runs[-1][-1] == 0)
            y1 = int(starts[first]) // (x2 - x1)
            y2 = int(starts[last] + lengths[last] - 1) // (x2 - x1) + 1
            boxes[index] = x1, y1, x2, y2
            found.append((*runs, np.full(len(starts), index + 1), lengths))
    *columns, lengths = (np.concatenate(part) for part in zip(*found, strict=True))
    joint = _join(columns, lengths, whole=False)
    areas, nobody = _areas(joint, -1, count, height * width)
    return Side((height, width), maps, areas, nobody, boxes), joint


def read_sheets(
    sheets: Sequence[Sheet], counts: Sequence[int | None], where: str = ""
) -> tuple[list[Side], Joint]:
    """Read the persons of one or more sheets of an image.

    Args:
        sheets: of one size.
        counts: persons of each sheet, where the last may have no pixel; None: the highest number.
        where: named in errors, such as the image.

    Raises:
        InputError: a person number is negative or above the count.
    """
    size = height, width = sheets[0].labels.shape
    flat = [part.reshape(-1) for sheet in sheets for part in sheet]
    starts, lengths = find_runs(flat, width=width)  # by row, so that their columns are known
    columns = [part.take(starts) for part in flat]
    totals = [_count(part, n, where) for part, n in zip(columns[1::2], counts, strict=True)]
    joint = _join(columns, lengths, whole=True)
    ys = starts // width
    xs = starts - ys * width
    places = np.stack([xs, ys, xs + lengths, ys + 1])
    sides = []
    for index, (sheet, count) in enumerate(zip(sheets, totals, strict=True)):
        areas, nobody = _areas(joint, index, count, height * width)
        shown = columns[2 * index + 1] * (columns[2 * index] != 0)
        boxes = _boxes(shown.astype(np.intp), places, count)
        sides.append(Side(size, sheet, areas, nobody, boxes))
    return sides, joint


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


def _join(columns: Sequence[Ints], lengths: NDArray[np.intp], whole: bool) -> Joint:
    summed, pixels = sum_runs(columns, lengths)
    return Joint(tuple(zip(summed[::2], summed[1::2], strict=True)), pixels, whole)


def _areas(
    joint: Joint, sheet: int, count: int, pixels: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    areas = np.zeros((count + 1, 256), np.int64)
    labels, owners = joint.sheets[sheet]
    np.add.at(areas, (owners, labels), joint.pixels)
    nobody = areas[0].copy()
    areas[:, 0] = pixels - areas[:, 1:].sum(1)
    return areas[1:], nobody


def _count(numbers: Ints, count: int | None, where: str) -> int:
    low, high = int(numbers.min()), int(numbers.max())
    count = high if count is None else count
    if low < 0 or high > count:
        raise InputError(
            f"instances must be person numbers 0 to {count}, got {low} to {high}"
            f"{f', at {where}' if where else ''}. "
            "Number the persons 1 to P and give one score each."
        )
    return count


def _boxes(owners: NDArray[np.intp], places: NDArray[np.intp], count: int) -> NDArray[np.int32]:
    """Return the boxes of persons 1 to N by owner and x1, y1, x2, y2 of each run."""
    low, high = np.full((2, count + 1), _FAR), np.zeros((2, count + 1), np.intp)
    for row in (0, 1):
        np.minimum.at(low[row], owners, places[row])
        np.maximum.at(high[row], owners, places[row + 2])
    low[high == 0] = 0
    return np.concatenate([low, high]).T[1:].astype(np.int32)
