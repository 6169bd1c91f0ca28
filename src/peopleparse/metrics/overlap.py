"""Pixels that each truth person shares with each predicted person, label by label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.checks import as_labels, check_num_ids, raise_stray
from peopleparse.metrics.sides import Sheet, Side, Table, make_sheets, read_sheets, read_stack

# One label map a person (P, H, W), or (parsing, instances) with persons 1 to P, each (H, W).
Persons: TypeAlias = ArrayLike | tuple[ArrayLike, ArrayLike]


@dataclass(frozen=True, eq=False)
class Overlap:
    """Pixel counts of one image; T truth persons, P predicted persons, C label ids.

    Attributes:
        intersections: (T, P, C) pixels that both persons label c.
        truth_areas: (T, C) pixels of truth person t with label c.
        pred_areas: (P, C) pixels of predicted person p with label c, ignored ones included.
        ignored: (T, P, C) pixels that p labels c and t ignores: they count for no pair with t.
        foreground: (T, P) pixels that both label, whatever the labels; background is none.

    Label 0 of a person is all the rest of the image, other persons included.
    """

    intersections: NDArray[np.int64]
    truth_areas: NDArray[np.int64]
    pred_areas: NDArray[np.int64]
    ignored: NDArray[np.int64]
    foreground: NDArray[np.int64]

    @property
    def num_truth(self) -> int:
        """Number of truth persons."""
        return len(self.truth_areas)

    @property
    def num_pred(self) -> int:
        """Number of predicted persons."""
        return len(self.pred_areas)

    @property
    def unions(self) -> NDArray[np.int64]:
        """(T, P, C) pixels that one or both persons label c, less those that t ignores."""
        areas = self.truth_areas[:, None] + self.pred_areas[None]
        return areas - self.ignored - self.intersections

    def part_iou(self) -> NDArray[np.float64]:
        """Return (T, P, C) IoU of each label; NaN where neither person has it."""
        unions = self.unions
        return np.where(unions > 0, self.intersections / np.maximum(unions, 1), np.nan)

    def person_iou(self) -> NDArray[np.float64]:
        """Return (T, P) IoU of whole person masks (any label but background); 0 for two empty."""
        inside = self.pred_areas[:, 1:].sum(1) - self.ignored[:, :, 1:].sum(2)
        unions = self.truth_areas[:, 1:].sum(1)[:, None] + inside - self.foreground
        return self.foreground / np.maximum(unions, 1)

    def take(self, truth: NDArray[np.intp], pred: NDArray[np.intp]) -> Overlap:
        """Return the overlap of these truth and predicted persons, in this order."""
        pairs = np.ix_(truth, pred)
        return Overlap(
            self.intersections[pairs],
            self.truth_areas[truth],
            self.pred_areas[pred],
            self.ignored[pairs],
            self.foreground[pairs],
        )


def part_overlap(
    truth: Persons,
    prediction: Persons,
    num_ids: int,
    ignore_id: int = 255,
    count: int | None = None,
    where: str = "",
) -> Overlap:
    """Count the pixels that persons of truth and prediction share, inside their boxes only.

    Args:
        truth: (T, H, W) label ids, one map a person, everyone else 0; ignore_id is dropped. Or
            the pair (parsing, instances), each (H, W), with persons 1 to T; an ignored pixel of
            instance 0 is ignored for everyone.
        prediction: (P, H, W) label ids, one map a person, which may overlap; or the pair
            (parsing, instances), each (H, W), with persons 1 to P. A pixel of instance 0 is
            nobody's; one of parsing 0 is background.
        num_ids: labels are 0 to num_ids - 1.
        ignore_id: the truth's value for pixels that do not count.
        count: P of a pair, where its last persons may have no pixel; default: the highest number.
        where: named in errors, such as the image.

    Raises:
        InputError: shapes disagree, or a label or person number is outside its range.

    >>> truth = [[[1, 1, 0, 0]], [[0, 0, 2, 255]]]
    >>> overlap = part_overlap(truth, ([[1, 2, 2, 2]], [[1, 1, 2, 2]]), num_ids=3)
    >>> overlap.intersections[:, :, 1:].tolist()  # person 1: one pixel; person 2: one pixel
    [[[1, 0], [0, 0]], [[0, 0], [0, 1]]]
    >>> overlap.ignored[1, 1].tolist()  # the last pixel does not count for truth person 2
    [0, 0, 1]
    >>> overlap.person_iou().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    check_num_ids(num_ids, ignore_id)
    sides = read_sides(truth, prediction, num_ids, ignore_id, count, where)
    return count_overlap(*sides, num_ids, ignore_id)


def read_sides(
    truth: Persons, prediction: Persons, num_ids: int, ignore_id: int, count: int | None, where: str
) -> tuple[Side, Side, list[Table]]:
    """Read both sides of one image and what they share.

    Raises:
        InputError: see `part_overlap`.
    """
    if isinstance(truth, tuple) and isinstance(prediction, tuple):
        over = _as_sheet(truth, None, where)
        sheet = _as_sheet(prediction, over.labels.shape, where)
        (first, second), tables = read_sheets([over, sheet], [None, count], (), where)
    else:
        first = read_persons(truth, "truth", where)
        sheets = make_sheets(first)
        if len(sheets) == 1:
            first = replace(first, maps=sheets[0])
        if isinstance(prediction, tuple):
            sheet = _as_sheet(prediction, first.size, where)
            (second,), tables = read_sheets([sheet], [count], sheets, where)
        else:
            maps = _as_stack(prediction, "prediction", where, first.size)
            second, tables = read_stack(maps, sheets)
    _check_ids(first.areas, "truth", num_ids, ignore_id, where)
    what = "parsing" if isinstance(prediction, tuple) else "prediction"
    _check_ids(np.vstack([second.areas, second.nobody]), what, num_ids, None, where)
    return first, second, tables


def count_overlap(
    truth: Side, pred: Side, tables: Sequence[Table], num_ids: int, ignore_id: int
) -> Overlap:
    """Count the pixels of each pair of persons."""
    # Truth has another label, the same, or ignores the pixel; row and column 0 are nobody.
    found = np.zeros((3, truth.count + 1, pred.count + 1, num_ids), np.int64)
    for labels, owners, predicted, finders, pixels in tables:
        state = np.where(labels == ignore_id, 2, labels == predicted)
        owner = np.where(labels > 0, owners, 0)
        np.add.at(found, (state, owner, finders, predicted), pixels)
    other, same, ignored = found[:, 1:, 1:]
    # What nobody owns and truth ignores is ignored for everyone.
    ignored += found[2, 0, 1:]
    areas, pred_areas = truth.areas[:, :num_ids].copy(), pred.areas[:, :num_ids]
    areas[:, 0] -= truth.nobody[ignore_id]
    # Both persons are background outside both of them: no pixel needs to be read for that.
    foreground = same[:, :, 1:].sum(2) + other[:, :, 1:].sum(2)
    hidden = ignored[:, :, 1:].sum(2)
    all_ignored = truth.areas[:, ignore_id] + truth.nobody[ignore_id]
    ignored[:, :, 0] = all_ignored[:, None] - hidden
    outside = areas[:, 0, None] + pred_areas[None, :, 0] - truth.size[0] * truth.size[1]
    same[:, :, 0] = outside + foreground + hidden
    return Overlap(same, areas, pred_areas, ignored, foreground)


def count_labels(table: Table, num_ids: int, ignore_id: int) -> NDArray[np.int64]:
    """Return (num_ids, num_ids) pixels by truth label (rows) and predicted label.

    Labels that nobody owns are background.
    """
    labels, owners, predicted, finders, pixels = table
    kept = labels != ignore_id
    rows, columns = np.where(owners > 0, labels, 0), np.where(finders > 0, predicted, 0)
    confusion = np.zeros((num_ids, num_ids), np.int64)
    np.add.at(confusion, (rows[kept], columns[kept]), pixels[kept])
    return confusion


def person_order(persons: Persons, where: str = "") -> NDArray[np.intp]:
    """Return the order of persons by what they are, not by their numbers: left to right.

    Persons are sorted by their box (x1, y1, x2, y2), then by their labels inside it. Ties in
    scores go in this order, so that renumbering persons changes no score.

    >>> person_order([[[0, 0, 1]], [[1, 0, 0]]]).tolist()
    [1, 0]
    """
    return read_persons(persons, "persons", where).order()


def read_persons(persons: Persons, what: str, where: str) -> Side:
    """Read one side by itself.

    Raises:
        InputError: the shapes or types are wrong.
    """
    if isinstance(persons, tuple):
        sheet = _as_sheet(persons, None, where)
        return read_sheets([sheet], [None], (), where)[0][0]
    return read_stack(_as_stack(persons, what, where))[0]


def _as_stack(
    array: ArrayLike, what: str, where: str, size: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    stack = as_labels(array, what, where)
    expected = f"(N, {size[0]}, {size[1]})" if size else "(N, H, W)"
    wrong = stack.ndim != 3 or (size and stack.shape[1:] != size) or 0 in stack.shape[1:]
    if wrong:
        raise InputError(
            f"{what} must be {expected} label ids, one map a person, got {stack.shape}"
            f"{f', at {where}' if where else ''}. For nobody give an array of shape (0, H, W)."
        )
    return stack


def _as_sheet(pair: tuple[ArrayLike, ArrayLike], size: tuple[int, int] | None, where: str) -> Sheet:
    at = f", at {where}" if where else ""
    parsing, instances = as_labels(pair[0], "parsing", where), np.asarray(pair[1])
    if size is None and (parsing.shape != instances.shape or parsing.ndim != 2 or not parsing.size):
        raise InputError(
            f"parsing and instances must be (H, W) of one size, got {parsing.shape} and "
            f"{instances.shape}{at}. Give the labels and the person numbers of one image."
        )
    for what, array in (("parsing", parsing), ("instances", instances)):
        if size is not None and array.shape != size:
            raise InputError(
                f"{what} must have the truth's size {size}, got {array.shape}{at}. "
                "Resize the prediction to the size of the photo."
            )
    if instances.dtype.kind not in "bui":
        raise InputError(
            f"instances must be integer person numbers, got {instances.dtype}{at}. "
            "Number the persons 1 to P."
        )
    return Sheet(parsing, np.ascontiguousarray(instances))


def _check_ids(
    areas: NDArray[np.int64], what: str, num_ids: int, ignore_id: int | None, where: str
) -> None:
    present = np.flatnonzero(areas.any(0))
    stray = [int(i) for i in present if i >= num_ids and i != ignore_id]
    if stray:
        also = "" if ignore_id is None else f" or {ignore_id}"
        raise_stray(what, stray, f"0 to {num_ids - 1}{also}", where)
