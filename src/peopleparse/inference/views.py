"""One photo seen several times, larger, smaller or mirrored: what the views say, put together.

See docs/decisions/008-views-of-one-photo.md for why it is done this way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.inference.detect import box_iou
from peopleparse.inference.engine import Floats
from peopleparse.labels import Scheme

SMALLEST_SCALE, LARGEST_SCALE = 0.25, 4.0
_LEAST_PROB = 1e-30


def check_scales(scales: Sequence[float]) -> None:
    """Check the scales at which a photo is looked at.

    Raises:
        InputError: there is none, one is out of range or one is named twice.
    """
    good = all(SMALLEST_SCALE <= scale <= LARGEST_SCALE for scale in scales)
    if not scales or not good or len(set(scales)) != len(scales):
        raise InputError(
            f"scales must be different numbers from {SMALLEST_SCALE:g} to {LARGEST_SCALE:g}, "
            f"got {', '.join(f'{scale:g}' for scale in scales) or 'none'}. "
            "Leave them out for 1 alone."
        )


def mirror_boxes(boxes: Floats, width: float) -> Floats:
    """Return (N, 4) boxes of a photo of some width as they lie in the mirrored photo."""
    mirrored = boxes.copy()
    mirrored[:, [0, 2]] = width - boxes[:, [2, 0]]
    return mirrored


def mirror_logits(logits: Floats, scheme: Scheme) -> Floats:
    """Mirror (..., C, h, w) scores of labels and swap those of left and right.

    Raises:
        SchemeError: the scheme does not name flip partners.
    """
    partners = scheme.flip_table()[: logits.shape[-3]]
    return np.ascontiguousarray(logits[..., partners, :, ::-1])


def merge_boxes(
    views: Sequence[tuple[Floats, Floats]], nms_iou: float, threshold: float
) -> tuple[Floats, Floats]:
    """Put the boxes that several views found together, best first.

    Going from the best box of any view down, a box belongs to the better one that it overlaps most,
    if by more than `nms_iou`; of one view only the best box counts. What belongs together becomes
    one box, the mean weighted by scores. Its score is the mean over all views; one that did not
    see it counts 0.

    Args:
        views: boxes (N, 4) and scores (N,) of each view, in pixels of the photo.
        nms_iou: least overlap of two boxes of one thing, 0 to 1.
        threshold: lowest score of what is returned.

    Returns:
        boxes (M, 4) float32 and scores (M,) float32, descending.

    Source: Solovyev et al., "Weighted boxes fusion" (2021). Differs: boxes are compared with the
    best of their group, not with its mean so far, so that groups do not wander.

    >>> a, b = np.array([[0, 0, 10, 10]], "f4"), np.array([[0, 0, 10, 12]], "f4")
    >>> boxes, scores = merge_boxes([(a, np.array([0.9])), (b, np.array([0.3]))], 0.6, 0.2)
    >>> boxes.tolist(), scores.round(2).tolist()
    ([[0.0, 0.0, 10.0, 10.5]], [0.6000000238418579])
    """
    seen, scores, whose = join_boxes(views)
    boxes = seen.astype(np.float64)
    groups = group_boxes(seen, scores, whose, nms_iou)
    means = [scores[group].sum() / len(views) for group in groups]
    kept = [i for i in np.argsort(np.negative(means), kind="stable") if means[i] >= threshold]
    merged = [np.average(boxes[groups[i]], axis=0, weights=scores[groups[i]]) for i in kept]
    return (
        np.array(merged, np.float32).reshape(-1, 4),
        np.array([means[i] for i in kept], np.float32),
    )


def join_boxes(
    views: Sequence[tuple[Floats, Floats]],
) -> tuple[Floats, NDArray[np.float64], NDArray[np.intp]]:
    """Return boxes (N, 4) and scores (N,) of all views, and of which view each is, (N,)."""
    return (
        np.concatenate([boxes for boxes, _ in views]),
        np.concatenate([scores for _, scores in views]).astype(np.float64),
        np.repeat(np.arange(len(views)), [len(boxes) for boxes, _ in views]),
    )


def group_boxes(
    boxes: Floats, scores: NDArray[np.float64], whose: NDArray[np.intp], nms_iou: float
) -> list[list[int]]:
    """Return which boxes of several views show one thing: lists of indices, best first.

    Going from the best box down, a box belongs to the first one of the group that it overlaps most,
    if by more than `nms_iou`; where the group has a box of the same view, it is left out.
    """
    iou = box_iou(boxes, boxes)
    groups: list[list[int]] = []
    firsts: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        overlaps = iou[index, firsts]
        near = int(overlaps.argmax()) if firsts else -1
        if near < 0 or overlaps[near] <= nms_iou:
            groups.append([index])
            firsts.append(index)
        elif whose[index] not in whose[groups[near]]:
            groups[near].append(index)
    return groups


def average_logits(views: Sequence[Sequence[Floats]]) -> Floats:
    """Return logits whose probabilities are the mean of those of all views.

    Args:
        views: for each scale one or two (N, C, h, w) logits: as seen and mirrored back.

    Returns:
        (N, C, h, w) float32 log probabilities.
    """
    # The two of one scale first: their sum does not depend on which of them was the mirrored one.
    sums = [np.sum([_softmax(logits) for logits in pair], axis=0) for pair in views]
    mean = np.sum(sums, axis=0)  # a common factor takes no part in what beats what
    mean /= mean.sum(axis=1, keepdims=True)
    return np.log(np.maximum(mean, _LEAST_PROB))


def _softmax(logits: Floats) -> Floats:
    values = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(values / values.sum(axis=1, keepdims=True), np.float32)
