"""Part regions of one image, the unit of AP^r: one label of one person, or one given by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.checks import as_scores

if TYPE_CHECKING:
    from peopleparse.metrics.overlap import Overlap


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of both sides of one image and what they share; R truth regions, Q predicted ones.

    Attributes:
        truth_ids, pred_ids: (R,) and (Q,) label ids, never 0.
        iou: (R, Q) float64, 0 where the labels differ.
        scores: (Q,) float64, or None for a system without scores.
        pred_order: (Q,) each predicted region's place in what was given; None: they are in it.
        pred_empty: (Q,) whether a predicted region has no pixel; None: all have some.
    """

    truth_ids: NDArray[np.intp]
    pred_ids: NDArray[np.intp]
    iou: NDArray[np.float64]
    scores: NDArray[np.float64] | None
    pred_order: NDArray[np.intp] | None = None
    pred_empty: NDArray[np.bool_] | None = None

    def take(self, kept: NDArray[np.intp]) -> Regions:
        """Return the regions with these predicted ones, in this order."""
        return Regions(
            truth_ids=self.truth_ids,
            pred_ids=self.pred_ids[kept],
            iou=self.iou[:, kept],
            scores=None if self.scores is None else self.scores[kept],
            pred_order=None if self.pred_order is None else self.pred_order[kept],
            pred_empty=None if self.pred_empty is None else self.pred_empty[kept],
        )


def regions_of_persons(overlap: Overlap, scores: NDArray[np.float64] | None) -> Regions:
    """Return the parts of the persons as regions; a part has the score of its person.

    Regions go by person, then by label. Pixels that a truth person ignores count for no pair.
    """
    owners, truth_ids = np.nonzero(overlap.truth_areas[:, 1:])
    finders, pred_ids = np.nonzero(overlap.pred_areas[:, 1:])
    same = truth_ids[:, None] == pred_ids[None]
    places = owners[:, None], finders[None], truth_ids[:, None] + 1
    shared, unions = overlap.intersections[places], overlap.unions[places]
    iou = np.where(same, shared / np.maximum(unions, 1), 0.0)
    return Regions(truth_ids + 1, pred_ids + 1, iou, None if scores is None else scores[finders])


def count_regions(
    truth: ArrayLike,
    truth_ids: ArrayLike,
    prediction: ArrayLike,
    pred_ids: ArrayLike,
    scores: ArrayLike | None,
    where: str = "",
) -> Regions:
    """Return the regions of two maps of region numbers, as CIHP stores them.

    Regions go left to right by their first pixel, columns first, so that their numbers mean
    nothing; predicted ones without a pixel come last. Truth regions without a pixel are left out.

    Args:
        truth: (H, W) region numbers 1 to R, 0 for none.
        truth_ids: (R,) label id of each truth region; its region may have no pixel.
        prediction: (H, W) region numbers 1 to Q, 0 for none.
        pred_ids: (Q,) label id of each predicted region.
        scores: (Q,), or None for a system without scores.
        where: named in errors, such as the image.

    Raises:
        InputError: the sizes differ, or a number has no label.

    >>> found = count_regions([[2, 2, 1]], [7, 5, 3], [[2, 1, 1]], [7, 5], [0.9, 0.8])
    >>> found.truth_ids.tolist(), found.pred_ids.tolist(), found.scores.tolist()
    ([5, 7], [5, 7], [0.8, 0.9])
    >>> found.iou.tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    first, second = np.asarray(truth), np.asarray(prediction)
    labels, found = np.asarray(truth_ids, np.intp), np.asarray(pred_ids, np.intp)
    _check_maps(first, second, labels, found, where)
    values = None if scores is None else as_scores(scores, len(found), where)
    length = len(found) + 1
    keys = first.astype(np.int64) * length + second
    shared = np.bincount(keys.ravel(), minlength=(len(labels) + 1) * length)
    shared = shared.reshape(len(labels) + 1, length)
    areas, sizes = shared.sum(1)[1:], shared.sum(0)[1:]
    unions = areas[:, None] + sizes[None] - shared[1:, 1:]
    iou = np.where(labels[:, None] == found, shared[1:, 1:] / np.maximum(unions, 1), 0.0)
    rows, columns = _places(first, len(labels)), _places(second, len(found))
    rows = rows[areas[rows] > 0]
    return Regions(
        truth_ids=labels[rows],
        pred_ids=found[columns],
        iou=iou[np.ix_(rows, columns)],
        scores=None if values is None else values[columns],
        pred_order=columns,
        pred_empty=sizes[columns] == 0,
    )


def _check_maps(
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    labels: NDArray[np.intp],
    found: NDArray[np.intp],
    where: str,
) -> None:
    at = f", at {where}" if where else ""
    if first.shape != second.shape or first.ndim != 2:
        raise InputError(
            f"prediction must have the truth's size {first.shape}, got {second.shape}{at}. "
            "Resize it to the size of the photo."
        )
    for what, numbers, ids in (("truth", first, labels), ("prediction", second, found)):
        if int(numbers.max(initial=0)) > len(ids):
            raise InputError(
                f"{what} regions must be numbers 0 to {len(ids)}, got {int(numbers.max())}{at}. "
                "Give each region a label in the text file beside the map."
            )


def _places(numbers: NDArray[np.integer], count: int) -> NDArray[np.intp]:
    """Return regions in the order of their first pixel, columns first; those of none come last."""
    flat = numbers.ravel(order="F")
    # A first pixel begins a run: only those need a look.
    starts = np.append(0, np.flatnonzero(flat[1:] != flat[:-1]) + 1)[: flat.size]
    first = np.full(count + 1, flat.size, np.intp)
    first[flat[starts][::-1]] = starts[::-1]  # of equal indices the last assigned stays
    return np.argsort(first[1:], kind="stable")
