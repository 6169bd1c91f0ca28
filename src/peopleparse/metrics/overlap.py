"""Pixels that each truth person shares with each predicted person, label by label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.checks import as_labels, check_num_ids, raise_stray

# One label map a person (P, H, W), or (parsing, instances) with persons 1 to P, each (H, W).
Persons: TypeAlias = ArrayLike | tuple[ArrayLike, ArrayLike]
_Box: TypeAlias = tuple[int, int, int, int]  # y1, y2, x1, x2


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
    maps = _as_stack(_split(truth, ignore_id), "truth", where)
    size = (maps.shape[1], maps.shape[2])
    boxes = _boxes(maps)
    areas = _areas(maps, boxes)
    _check_ids(areas, "truth", num_ids, ignore_id, where)
    if isinstance(prediction, tuple):
        pair = _as_pair(prediction, size, num_ids, count, where)
        same, other, ignored, pred_areas = _count_pair(maps, boxes, pair, num_ids, ignore_id)
    else:
        preds = _as_stack(prediction, "prediction", where, size)
        pred_boxes = _boxes(preds)
        pred_areas = _areas(preds, pred_boxes)
        _check_ids(pred_areas, "prediction", num_ids, None, where)
        pairs = (maps, boxes, preds, pred_boxes)
        same, other, ignored = _count_stack(*pairs, num_ids, ignore_id)
    # Both persons are background outside both of them: no pixel needs to be read for that.
    foreground = same[:, :, 1:].sum(2) + other[:, :, 1:].sum(2)
    hidden = ignored[:, :, 1:].sum(2)
    ignored[:, :, 0] = areas[:, ignore_id, None] - hidden
    outside = areas[:, 0, None] + pred_areas[None, :, 0] - size[0] * size[1]
    same[:, :, 0] = outside + foreground + hidden
    return Overlap(same, areas[:, :num_ids], pred_areas[:, :num_ids], ignored, foreground)


def person_order(persons: Persons, where: str = "") -> NDArray[np.intp]:
    """Return the order of persons by what they are, not by their numbers: left to right.

    Persons are sorted by their box (x1, y1, x2, y2), then by their labels inside it. Ties in
    scores go in this order, so that renumbering persons changes no score.

    >>> person_order([[[0, 0, 1]], [[1, 0, 0]]]).tolist()
    [1, 0]
    """
    keys = []
    for labels in _person_maps(persons, where):
        box = _boxes(labels[None])[0]
        y1, y2, x1, x2 = box or (0, 0, 0, 0)
        keys.append((x1, y1, x2, y2, labels[y1:y2, x1:x2].tobytes()))
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.intp)


def person_boxes(persons: Persons, count: int, ignore_id: int | None = None) -> NDArray[np.int32]:
    """Return (N, 4) boxes x1, y1, x2, y2 around labelled pixels; zeros for a person of none.

    Args:
        persons: (N, H, W) label ids, or the pair (parsing, instances).
        count: N of a pair, where its last persons may have no pixel.
        ignore_id: a value that is no label.
    """
    boxes = np.zeros((count, 4), np.int32)
    for index, labels in enumerate(_person_maps(persons, "")):
        if ignore_id is not None:
            labels = np.where(labels == ignore_id, np.uint8(0), labels)
        box = _boxes(labels[None])[0]
        if box:
            boxes[index] = box[2], box[0], box[3], box[1]
    return boxes


def _person_maps(persons: Persons, where: str) -> Iterator[NDArray[np.uint8]]:
    if not isinstance(persons, tuple):
        yield from _as_stack(persons, "persons", where)
        return
    parsing, instances = as_labels(persons[0], "parsing", where), np.asarray(persons[1])
    for number in range(1, int(instances.max(initial=0)) + 1):
        yield np.where(instances == number, parsing, 0).astype(np.uint8)


def _split(persons: Persons, ignore_id: int) -> ArrayLike:
    """Return one map a person of a pair; a stack is returned as it is."""
    if not isinstance(persons, tuple):
        return persons
    parsing, instances = np.asarray(persons[0]), np.asarray(persons[1])
    numbers = np.arange(1, int(instances.max(initial=0)) + 1)[:, None, None]
    mine = (instances == numbers) | ((instances == 0) & (parsing == ignore_id))
    return np.where(mine, parsing, 0)


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


def _as_pair(
    pair: tuple[ArrayLike, ArrayLike],
    size: tuple[int, int],
    num_ids: int,
    count: int | None,
    where: str,
) -> tuple[NDArray[np.uint8], NDArray[np.int64], int]:
    at = f", at {where}" if where else ""
    parsing, instances = as_labels(pair[0], "parsing", where), np.asarray(pair[1])
    for what, array in (("parsing", parsing), ("instances", instances)):
        if array.shape != size:
            raise InputError(
                f"{what} must have the truth's size {size}, got {array.shape}{at}. "
                "Resize the prediction to the size of the photo."
            )
    if parsing.max(initial=0) >= num_ids:
        stray = [int(i) for i in np.unique(parsing) if i >= num_ids]
        raise_stray("parsing", stray, f"0 to {num_ids - 1}", where)
    if instances.dtype.kind not in "bui":
        raise InputError(
            f"instances must be integer person numbers, got {instances.dtype}{at}. "
            "Number the persons 1 to P."
        )
    low, high = int(instances.min()), int(instances.max())
    count = high if count is None else count
    if low < 0 or high > count:
        raise InputError(
            f"instances must be person numbers 0 to {count}, got {low} to {high}{at}. "
            "Number the persons 1 to P and give one score each."
        )
    return parsing, instances.astype(np.int64), count


def _boxes(maps: NDArray[np.uint8]) -> list[_Box | None]:
    """Return the box of the pixels that are not 0 in each map; None for an empty map."""
    boxes: list[_Box | None] = []
    columns = maps.max(axis=1, initial=0)
    for labels, filled in zip(maps, columns, strict=True):
        xs = np.flatnonzero(filled)
        if not xs.size:
            boxes.append(None)
            continue
        x1, x2 = int(xs[0]), int(xs[-1]) + 1
        ys = np.flatnonzero(labels[:, x1:x2].max(axis=1))
        boxes.append((int(ys[0]), int(ys[-1]) + 1, x1, x2))
    return boxes


def _areas(maps: NDArray[np.uint8], boxes: list[_Box | None]) -> NDArray[np.int64]:
    """Return (N, 256) pixels of each label in each map."""
    areas = np.zeros((len(maps), 256), np.int64)
    for index, box in enumerate(boxes):
        if box:
            crop = maps[index, box[0] : box[1], box[2] : box[3]]
            areas[index] = np.bincount(crop.ravel(), minlength=256)
    areas[:, 0] = maps.shape[1] * maps.shape[2] - areas[:, 1:].sum(1)
    return areas


def _check_ids(
    areas: NDArray[np.int64], what: str, num_ids: int, ignore_id: int | None, where: str
) -> None:
    present = np.flatnonzero(areas.any(0))
    stray = [int(i) for i in present if i >= num_ids and i != ignore_id]
    if stray:
        also = "" if ignore_id is None else f" or {ignore_id}"
        raise_stray(what, stray, f"0 to {num_ids - 1}{also}", where)


def _joint(
    labels: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    keys: NDArray[np.int64],
    length: int,
    ignore_id: int,
) -> NDArray[np.int64]:
    """Return (3, length) pixels of each key by what truth says: other label, same, ignored.

    Where the predicted label is 0 the counts mean nothing; the caller fills them in.
    """
    state = (labels != 0).view(np.uint8) + (labels == predicted)
    state += (labels == ignore_id).view(np.uint8) * np.uint8(2)
    # int64 throughout: persons x labels pass 255 from 12 persons on.
    joint = state.astype(np.int64)
    joint *= length
    joint += keys
    return np.bincount(joint.ravel(), minlength=4 * length).reshape(4, length)[1:]


def _count_pair(
    maps: NDArray[np.uint8],
    boxes: list[_Box | None],
    pair: tuple[NDArray[np.uint8], NDArray[np.int64], int],
    num_ids: int,
    ignore_id: int,
) -> tuple[NDArray[np.int64], ...]:
    parsing, instances, count = pair
    length = (count + 1) * num_ids
    keys = instances * num_ids
    keys += parsing
    found = np.zeros((3, len(maps), length), np.int64)
    for index, box in enumerate(boxes):
        if box:
            crop = np.s_[box[0] : box[1], box[2] : box[3]]
            inside = (maps[index][crop], parsing[crop], keys[crop])
            found[:, index] = _joint(*inside, length, ignore_id)
    areas = np.bincount(keys.ravel(), minlength=length).reshape(count + 1, num_ids)[1:]
    areas[:, 0] = parsing.size - areas[:, 1:].sum(1)
    other, same, ignored = found.reshape(3, len(maps), count + 1, num_ids)[:, :, 1:]
    return same, other, ignored, areas


def _count_stack(
    maps: NDArray[np.uint8],
    boxes: list[_Box | None],
    preds: NDArray[np.uint8],
    pred_boxes: list[_Box | None],
    num_ids: int,
    ignore_id: int,
) -> tuple[NDArray[np.int64], ...]:
    found = np.zeros((3, len(maps), len(preds), num_ids), np.int64)
    for t, box in enumerate(boxes):
        for p, pred_box in enumerate(pred_boxes):
            if not box or not pred_box:
                continue
            y1, y2 = max(box[0], pred_box[0]), min(box[1], pred_box[1])
            x1, x2 = max(box[2], pred_box[2]), min(box[3], pred_box[3])
            if y1 < y2 and x1 < x2:
                predicted = preds[p, y1:y2, x1:x2]
                inside = (maps[t, y1:y2, x1:x2], predicted, predicted.astype(np.int64))
                found[:, t, p] = _joint(*inside, num_ids, ignore_id)
    other, same, ignored = found
    return same, other, ignored
