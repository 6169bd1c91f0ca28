"""What one image adds to any score: counts of pixels and persons, no pixels.

Pixels are read once, into a `Tally`; every metric, reading and group is then computed from
tallies, in this process or another, today or from a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.checks import as_scores, count_scores
from peopleparse.metrics.confusion import count_pairs
from peopleparse.metrics.overlap import (
    Overlap,
    Persons,
    count_labels,
    count_overlap,
    read_persons,
    read_sides,
)
from peopleparse.metrics.regions import Regions
from peopleparse.metrics.sides import Sheet, Side


@dataclass(frozen=True, eq=False)
class Tally:
    """All that one image adds to any score; T truth persons, P predicted ones, C label ids.

    Attributes:
        image_id: name of the image.
        size: (height, width).
        confusion: (C, C) pixels by truth label (rows) and predicted label; ignored ones left out.
        overlap: persons of both sides, each left to right; None where persons are not annotated.
        scores: (P,) float64, or None for a system without scores.
        truth_boxes, pred_boxes: (T, 4) and (P, 4) int32 around labelled pixels; zeros for none.
        truth_order, pred_order: each person's place in what was given, before they were ordered.
        regions: part regions that were given by themselves; None: they are the persons' parts.
        missing: whether the system gave nothing for this image.
    """

    image_id: str
    size: tuple[int, int]
    confusion: NDArray[np.int64]
    overlap: Overlap | None
    scores: NDArray[np.float64] | None
    truth_boxes: NDArray[np.int32]
    pred_boxes: NDArray[np.int32]
    truth_order: NDArray[np.intp]
    pred_order: NDArray[np.intp]
    regions: Regions | None = None
    missing: bool = False

    def persons(self) -> Overlap:
        """Return the overlap of persons.

        Raises:
            InputError: persons are not annotated.
        """
        if self.overlap is None:
            raise InputError(
                "scores of persons must have persons on both sides, got label maps only, "
                f"at image '{self.image_id}'. Score pixels, or give person masks."
            )
        return self.overlap


def make_tally(
    image_id: str,
    truth: Persons | None,
    prediction: Persons | None,
    scores: ArrayLike | None = None,
    *,
    num_ids: int,
    ignore_id: int = 255,
    truth_parsing: ArrayLike | None = None,
    parsing: ArrayLike | None = None,
    regions: Regions | None = None,
) -> Tally:
    """Count one image.

    Args:
        image_id: name of the image.
        truth: (T, H, W) label ids, one map a person, everyone else 0; or the pair (parsing,
            instances), each (H, W); or None where persons are not annotated.
        prediction: the same for predicted persons, whose maps may overlap; None where the system
            gave no persons.
        scores: (P,), or None for a system without scores.
        num_ids: labels are 0 to num_ids - 1.
        ignore_id: the truth's value for pixels that do not count.
        truth_parsing: (H, W) labels of the whole image; default: the truth persons, where the
            left one wins and a label wins over ignored.
        parsing: (H, W) predicted labels of the whole image; default: the predicted persons, where
            the higher score wins, then the left one; background where there is none.
        regions: part regions, where the files give them apart from the persons.

    Raises:
        InputError: shapes, labels or scores are not as above, or there is neither truth.

    >>> tally = make_tally("photo", [[[1, 2, 0]]], ([[1, 1, 0]], [[1, 1, 0]]), [0.9], num_ids=3)
    >>> tally.confusion.tolist()
    [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
    >>> tally.truth_boxes.tolist(), tally.persons().intersections[0, 0].tolist()
    ([[0, 0, 2, 1]], [1, 1, 0])
    """
    where = f"image '{image_id}'"
    missing = prediction is None and parsing is None
    size = _size_of(truth, truth_parsing, where)
    if prediction is None and truth is not None:
        prediction = np.zeros((0, *size), np.uint8)
    overlap, boxes, orders = None, [np.zeros((0, 4), np.int32)] * 2, [np.zeros(0, np.intp)] * 2
    values, confusion, first, second = None, None, None, None
    if truth is not None and prediction is not None:
        first, second, tables = read_sides(
            truth, prediction, num_ids, ignore_id, count_scores(scores), where
        )
        checked = as_scores(scores, second.count, where)
        orders = [first.order(), second.order()]
        overlap = count_overlap(first, second, tables, num_ids, ignore_id).take(*orders)
        values = None if scores is None else checked[orders[1]]
        boxes = [first.boxes_without(ignore_id)[orders[0]], second.boxes[orders[1]]]
        # A sheet of predictions over one of the truth: their table has every pixel once.
        if len(tables) == 1 and isinstance(second.maps, Sheet):
            confusion = count_labels(tables[0], num_ids, ignore_id)
    if confusion is None or truth_parsing is not None or parsing is not None:
        if truth_parsing is None:
            assert first is not None
            truth_parsing = first.flatten(orders[0], ignore_id)
        if parsing is None and prediction is not None:
            side = second or read_persons(prediction, "prediction", where)
            parsing = side.flatten(_by_score(side, scores, where), None)
        none = np.zeros(size, np.uint8)
        labels = none if parsing is None else parsing
        confusion = count_pairs(truth_parsing, labels, num_ids, ignore_id, where)
    return Tally(
        image_id=image_id,
        size=size,
        confusion=confusion,
        overlap=overlap,
        scores=values,
        truth_boxes=boxes[0],
        pred_boxes=boxes[1],
        truth_order=orders[0],
        pred_order=orders[1],
        regions=regions,
        missing=missing,
    )


def flatten_persons(
    persons: Persons, order: Sequence[int] | NDArray[np.intp], ignore_id: int | None
) -> NDArray[np.uint8]:
    """Return (H, W) labels of all persons; where they overlap, the earlier in `order` wins.

    A label wins over ignored, whoever has it.
    """
    return read_persons(persons, "persons", "").flatten(order, ignore_id)


def _by_score(side: Side, scores: ArrayLike | None, where: str) -> NDArray[np.intp]:
    """Return the predicted persons by falling score, then left to right."""
    order = side.order()
    if scores is None or isinstance(side.maps, Sheet):
        return order
    return order[np.argsort(-as_scores(scores, side.count, where)[order], kind="stable")]


def _size_of(truth: Persons | None, truth_parsing: ArrayLike | None, where: str) -> tuple[int, int]:
    if truth is None and truth_parsing is None:
        raise InputError(
            f"truth must be persons or a label map, got neither, at {where}. "
            "Score only images that are annotated."
        )
    if truth_parsing is not None:
        shape = np.shape(truth_parsing)
    else:
        shape = np.shape(truth[0]) if isinstance(truth, tuple) else np.shape(truth)[1:]  # type: ignore[arg-type]
    return (int(shape[0]), int(shape[1])) if len(shape) == 2 else (0, 0)
