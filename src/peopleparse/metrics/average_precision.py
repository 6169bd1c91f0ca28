"""Area under a precision-recall curve, in the two ways the field uses."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, suggest

Integration = Literal["all-point", "coco-101"]
INTEGRATIONS = ("all-point", "coco-101")
COCO_RECALLS = np.linspace(0.0, 1.0, 101)


def check_integration(integration: str) -> None:
    """Raise about an unknown way of integration.

    Raises:
        InputError: it is neither "all-point" nor "coco-101".
    """
    if integration not in INTEGRATIONS:
        raise InputError(
            f"integration must be a known way, got '{integration}'."
            f"{suggest(integration, INTEGRATIONS)}"
        )


def precision_recall(
    hits: NDArray[np.bool_], num_truth: int, scores: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return precision and recall after each ranked prediction.

    Args:
        hits: (P,) in order of falling score: is the prediction right?
        num_truth: truth persons in the set, at least 1.
        scores: (P,) where given, equal scores make one point, at the end of their run: the order
            inside it then means nothing.

    >>> precision, recall = precision_recall(np.array([True, False, True]), num_truth=4)
    >>> precision.round(3).tolist(), recall.tolist()
    ([1.0, 0.5, 0.667], [0.25, 0.25, 0.5])
    """
    right = np.cumsum(hits)
    seen = np.arange(1, len(hits) + 1)
    if scores is not None and len(hits):
        ends = np.append(np.flatnonzero(np.diff(scores)), len(hits) - 1)
        right, seen = right[ends], seen[ends]
    return right / seen, right / num_truth


def average_precision(
    hits: NDArray[np.bool_],
    num_truth: int,
    integration: Integration = "all-point",
    scores: NDArray[np.float64] | None = None,
) -> float:
    """Return average precision of ranked predictions.

    Definition: precision at a recall is the highest precision at that recall or beyond.
        "all-point" is the area under that curve over recall 0 to 1; "coco-101" its mean at the
        recalls 0, .01, ... 1. Recall that is never reached has precision 0.
    Absent: NaN without a truth person; 0 with truth persons and no prediction.
    Rounding: each precision is one division in float64; their sum is exact until it is rounded
        once, and is divided once, so that the last bit is the same in whatever order it was made.
    Source: PASCAL VOC development kit 2010 and later (all-point); COCO API, cocoeval (101 points).

    Args:
        hits: (P,) in order of falling score: is the prediction right?
        num_truth: truth persons in the set, also those in images without a prediction.
        integration: "all-point" or "coco-101".
        scores: (P,) where given, equal scores make one point of the curve.

    Raises:
        InputError: the integration has another name.

    >>> hits = np.array([True, False, True])  # precision 1, 1/2, 2/3 at recall 1/4, 1/4, 2/4
    >>> round(average_precision(hits, num_truth=4), 4)  # 1/4 * 1 + 1/4 * 2/3
    0.4167
    >>> round(average_precision(hits, 4, "coco-101"), 4)  # (26 * 1 + 25 * 2/3) / 101
    0.4224
    """
    check_integration(integration)
    if not num_truth:
        return math.nan
    if not len(hits):
        return 0.0
    precision, recall = precision_recall(hits, num_truth, scores)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    if integration == "coco-101":
        index = np.searchsorted(recall, COCO_RECALLS, side="left")
        return math.fsum(envelope[index[index < len(recall)]]) / len(COCO_RECALLS)
    # Whole counts and fsum: the sum is the same in whatever order the shards came.
    steps = np.diff(np.rint(recall * num_truth), prepend=0.0)
    return math.fsum((steps * envelope)[steps > 0]) / num_truth


def legacy_average_precision(hits: NDArray[np.bool_], num_truth: int) -> float:
    """Return the all-point area as the published scripts sum it, rounding errors included.

    Args:
        hits: (P,) in order of rank: is the prediction right?
        num_truth: truth persons in the set; NaN without one.

    Source: ZhaoJ9014/Multi-Human-Parsing, Evaluation/Multi-Human-Parsing/v1/voc_eval.py.
    Differs: from `average_precision` in the last bits: recall is differenced after the division.

    >>> round(legacy_average_precision(np.array([True, False, True]), num_truth=4), 4)
    0.4167
    """
    if not num_truth:
        return math.nan
    precision, recall = precision_recall(hits, num_truth)
    recall, precision = np.append(recall, 1.0), np.append(precision, 0.0)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(recall, prepend=0.0)
    moved = steps != 0
    return float(np.sum(steps[moved] * envelope[moved]))


def sample_curve(
    hits: NDArray[np.bool_],
    num_truth: int,
    scores: NDArray[np.float64] | None = None,
    points: int = 200,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return recall and precision of some points of the curve, to be drawn.

    Args:
        hits: (P,) in order of falling score: is the prediction right?
        num_truth: truth persons in the set; without one the curve has no point.
        scores: (P,) where given, equal scores make one point of the curve.
        points: how many at most, 2 or more; the first and the last one are always there.

    >>> recall, precision = sample_curve(np.ones(1000, bool), 1000, points=3)
    >>> recall.tolist(), precision.tolist()
    ([0.001, 0.501, 1.0], [1.0, 1.0, 1.0])
    """
    if not num_truth or not len(hits):
        return np.zeros(0), np.zeros(0)
    precision, recall = precision_recall(hits, num_truth, scores)
    last = len(recall) - 1
    kept = np.unique(np.rint(np.linspace(0, last, points)).astype(np.intp))
    return recall[kept], precision[kept]
