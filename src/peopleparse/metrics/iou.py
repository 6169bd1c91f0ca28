"""IoU of whole persons, by masks and by boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.checks import as_boxes
from peopleparse.metrics.overlap import part_overlap, person_order


def mask_iou(truth: ArrayLike, prediction: ArrayLike, where: str = "") -> NDArray[np.float64]:
    """Return (T, P) IoU of person masks.

    Args:
        truth: (T, H, W) bool masks, or (H, W) person numbers: every number but 0 is a person.
        prediction: (P, H, W) bool masks, or (H, W) person numbers 1 to P.
        where: named in errors, such as the image.

    Raises:
        InputError: shapes disagree, or masks are not bool.

    >>> mask_iou([[[True, True, False]]], [[1, 2, 2]]).tolist()
    [[0.5, 0.3333333333333333]]
    """
    return mask_overlap(as_masks(truth, "truth", where), prediction, where)[0]


def box_iou(truth: ArrayLike, prediction: ArrayLike, where: str = "") -> NDArray[np.float64]:
    """Return (T, P) IoU of boxes x1, y1, x2, y2; 0 for two boxes without area.

    Raises:
        InputError: an array is not (N, 4) boxes.

    >>> box_iou([[0, 0, 2, 2]], [[0, 0, 2, 1], [1, 1, 3, 3]]).round(4).tolist()
    [[0.5, 0.1429]]
    """
    return box_overlap(as_boxes(truth, "truth", where), as_boxes(prediction, "prediction", where))[
        0
    ]


def as_masks(array: ArrayLike, what: str, where: str) -> NDArray[np.bool_]:
    """Return (N, H, W) bool masks of masks or of a (H, W) map of person numbers.

    Raises:
        InputError: the array is neither.
    """
    masks = np.asarray(array)
    if masks.ndim == 2 and masks.dtype.kind in "ui":
        numbers = np.unique(masks)
        return masks == numbers[numbers > 0][:, None, None]
    if masks.ndim != 3 or masks.dtype != bool:
        raise InputError(
            f"{what} must be (N, H, W) bool masks or (H, W) person numbers, got {masks.shape} "
            f"{masks.dtype}{f', at {where}' if where else ''}. Compare label maps with 0 first."
        )
    return masks


def mask_overlap(
    truth: NDArray[np.bool_], prediction: ArrayLike, where: str, count: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (T, P) IoU and the share of each prediction inside each truth."""
    preds = np.asarray(prediction)
    if preds.ndim == 2 and preds.dtype.kind in "ui":
        persons = (preds > 0).astype(np.uint8), preds
        overlap = part_overlap(truth, persons, 2, count=count, where=where)
    else:
        overlap = part_overlap(truth, as_masks(preds, "prediction", where), 2, where=where)
    inside = overlap.foreground / np.maximum(overlap.pred_areas[:, 1], 1)
    return overlap.person_iou(), inside


def box_overlap(
    truth: NDArray[np.float64], prediction: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (T, P) IoU and the share of each prediction inside each truth."""
    low = np.maximum(truth[:, None, :2], prediction[None, :, :2])
    high = np.minimum(truth[:, None, 2:], prediction[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)
    areas = (truth[:, 2:] - truth[:, :2]).prod(axis=1)
    found = np.broadcast_to((prediction[:, 2:] - prediction[:, :2]).prod(axis=1), shared.shape)
    union = areas[:, None] + found - shared
    zero = np.zeros_like(shared)
    iou = np.divide(shared, union, out=zero.copy(), where=union > 0)
    return iou, np.divide(shared, found, out=zero, where=found > 0)


def mask_order(prediction: ArrayLike, count: int) -> NDArray[np.intp]:
    """Return the order of `count` predicted persons, left to right; see `person_order`."""
    preds = np.asarray(prediction)
    if preds.ndim == 2:
        known = person_order(((preds > 0).astype(np.uint8), preds))
    else:
        known = person_order(preds)
    return np.concatenate([np.setdiff1d(np.arange(count), known), known])
