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
    """

    truth_ids: NDArray[np.intp]
    pred_ids: NDArray[np.intp]
    iou: NDArray[np.float64]
    scores: NDArray[np.float64] | None


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

    Args:
        truth: (H, W) region numbers 1 to R, 0 for none.
        truth_ids: (R,) label id of each truth region; its region may have no pixel.
        prediction: (H, W) region numbers 1 to Q, 0 for none.
        pred_ids: (Q,) label id of each predicted region.
        scores: (Q,), or None for a system without scores.
        where: named in errors, such as the image.

    Raises:
        InputError: the sizes differ, or a number has no label.

    >>> found = count_regions([[1, 1, 2]], [5, 7], [[1, 2, 2]], [5, 7], [0.9, 0.8])
    >>> found.iou.tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    first, second = np.asarray(truth), np.asarray(prediction)
    labels, found = np.asarray(truth_ids, np.intp), np.asarray(pred_ids, np.intp)
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
    length = len(found) + 1
    keys = first.astype(np.int64) * length + second
    shared = np.bincount(keys.ravel(), minlength=(len(labels) + 1) * length)
    shared = shared.reshape(len(labels) + 1, length)
    areas, sizes = shared.sum(1)[1:], shared.sum(0)[1:]
    unions = areas[:, None] + sizes[None] - shared[1:, 1:]
    iou = np.where(labels[:, None] == found, shared[1:, 1:] / np.maximum(unions, 1), 0.0)
    values = None if scores is None else as_scores(scores, len(found), where)
    return Regions(labels, found, iou, values)
