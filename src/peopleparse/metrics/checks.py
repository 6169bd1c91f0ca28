"""The door of the metrics: arrays are checked here once, then trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError

# Two means that are equal as fractions may differ in the last bits of float64 (.2 + .4 is not
# .6). Rounded to this many decimals, such bits decide neither "above" nor which person is best.
DECIMALS = 12


def check_num_ids(num_ids: int, ignore_id: int) -> None:
    """Raise unless labels 0 to num_ids - 1 and ignore_id fit uint8 and do not meet.

    Raises:
        InputError: num_ids is not 2 to 255, or ignore_id is one of the labels or above 255.
    """
    if not 2 <= num_ids <= 255:
        raise InputError(
            f"num_ids must be 2 to 255, got {num_ids}. Count the background, but not ignore_id."
        )
    if not num_ids <= ignore_id <= 255:
        raise InputError(
            f"ignore_id must be {num_ids} to 255, got {ignore_id}. "
            "Take 255 unless the files differ."
        )


def check_label_ids(label_ids: Sequence[int] | None, num_ids: int, first: int) -> tuple[int, ...]:
    """Return the labels that a score averages: those given, or all from `first` on.

    Raises:
        InputError: there is none, or one lies outside `first` to num_ids - 1.
    """
    chosen = tuple(range(first, num_ids) if label_ids is None else label_ids)
    if not chosen or not all(first <= label_id < num_ids for label_id in chosen):
        raise InputError(
            f"label_ids must be ids {first} to {num_ids - 1}, got {list(chosen)}. "
            + ("Leave out the background: no part." if first else "Background is a class.")
        )
    return chosen


def as_labels(array: ArrayLike, what: str, where: str = "") -> NDArray[np.uint8]:
    """Return a label map as contiguous uint8; bool becomes 0 and 1.

    Raises:
        InputError: the array is not integer or bool, or holds values outside 0 to 255.
    """
    labels = np.asarray(array)
    if labels.dtype.kind not in "bui":
        raise InputError(
            f"{what} must be integer label ids, got {labels.dtype}{_at(where)}. "
            "Take the argmax of logits before scoring."
        )
    if labels.size and (labels.dtype.itemsize > 1 or labels.dtype.kind == "i"):
        low, high = labels.min(), labels.max()
        if low < 0 or high > 255:
            raise InputError(
                f"{what} must be ids 0 to 255, got {low} to {high}{_at(where)}. "
                "Map other ids to the scheme first."
            )
    return np.ascontiguousarray(labels, np.uint8)


def raise_stray(what: str, ids: Sequence[int], expected: str, where: str = "") -> None:
    """Raise about label ids outside the scheme.

    Raises:
        InputError: always.
    """
    raise InputError(
        f"{what} must be label ids {expected}, got {list(ids)}{_at(where)}. "
        "Check which scheme the map was made with."
    )


def as_scores(scores: ArrayLike | None, count: int, where: str = "") -> NDArray[np.float64]:
    """Return one finite float64 a prediction; 1.0 each where scores are None.

    Raises:
        InputError: the number of scores differs from `count`, or one is NaN or infinite.
    """
    if scores is None:
        return np.ones(count)
    values = np.asarray(scores, np.float64)
    if values.shape != (count,):
        raise InputError(
            f"scores must be one number a predicted person ({count}), got shape "
            f"{values.shape}{_at(where)}. Give None where the system has no scores."
        )
    if not np.isfinite(values).all():
        bad = values[~np.isfinite(values)][0]
        raise InputError(
            f"scores must be finite numbers, got {bad}{_at(where)}. Repair the system's output."
        )
    return values


def count_scores(scores: ArrayLike | None) -> int | None:
    """Return how many persons the scores are for; None where there are no scores."""
    return None if scores is None else len(np.atleast_1d(np.asarray(scores)))


def as_boxes(boxes: ArrayLike, what: str, where: str = "") -> NDArray[np.float64]:
    """Return (N, 4) float64 boxes x1, y1, x2, y2; an empty list gives (0, 4).

    Raises:
        InputError: the shape is not (N, 4), a number is not finite, or x2 < x1 or y2 < y1.
    """
    values = np.asarray(boxes, np.float64)
    if values.size == 0:
        return np.zeros((0, 4))
    if values.ndim != 2 or values.shape[1] != 4:
        raise InputError(
            f"{what} must be (N, 4) boxes, got shape {values.shape}{_at(where)}. "
            "Stack x1, y1, x2, y2 of each person."
        )
    right = np.isfinite(values).all(1) & (values[:, 2:] >= values[:, :2]).all(1)
    if not right.all():
        bad = values[~right][0].tolist()
        raise InputError(
            f"{what} must be boxes x1, y1, x2, y2 with x1 <= x2 and y1 <= y2, got "
            f"{bad}{_at(where)}. Convert x, y, width, height boxes first."
        )
    return values


def check_new(image_id: str, known: dict[str, Any]) -> None:
    """Raise if an image would be counted twice.

    Raises:
        InputError: the image is known already.
    """
    if image_id in known:
        raise InputError(
            f"image_id must be new, got '{image_id}' a second time. "
            "Score each image once; shards must not share images."
        )


def check_thresholds(thresholds: Sequence[float]) -> tuple[float, ...]:
    """Return thresholds as rounded floats.

    Raises:
        InputError: there is none, or one lies outside 0 to 1.
    """
    values = tuple(round(float(value), DECIMALS) for value in thresholds)
    if not values or not all(0 <= value <= 1 for value in values):
        raise InputError(
            f"thresholds must be one or more numbers 0 to 1, got {list(values)}. Write .5 for 50 %."
        )
    return values


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: arrays and tuples become lists, NaN becomes None.

    >>> plain({"ap": (0.5, float("nan")), "n": np.int64(3)})
    {'ap': [0.5, None], 'n': 3}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _at(where: str) -> str:
    return f", at {where}" if where else ""
