"""How sure a score is: the images are drawn again, and scored again without their pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.checks import plain
from peopleparse.metrics.confusion import Absent, ConfusionMatrix
from peopleparse.metrics.ranked import Ranked, check_weights

# Images that are weighed in one matrix product; memory is this many confusion matrices.
_BATCH = 64


@dataclass(frozen=True)
class Interval:
    """A score and the range in which it lies over draws of the images.

    Attributes:
        value: the score of the images as they are.
        low, high: percentiles of the score over the draws; NaN where no draw has a score.
        level: share of the draws between low and high.
        resamples: draws that were used.
        left_out: draws without a score, such as those without a truth person.
    """

    value: float
    low: float
    high: float
    level: float
    resamples: int
    left_out: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None."""
        return {"definition": "interval/1", **plain(asdict(self))}


def bootstrap_images(count: int, resamples: int = 1000, seed: int = 0) -> NDArray[np.int32]:
    """Return (resamples, count) how often each draw has each image.

    Every draw takes `count` images with replacement. The numbers belong to the images in sorted
    id order, as in `Ranked.image_ids`. The same count, resamples and seed give the same draws:
    two systems on the same images share them, which a paired test needs.

    Raises:
        InputError: count or resamples is below 1, or seed below 0.

    >>> draws = bootstrap_images(4, resamples=3, seed=0)
    >>> draws.shape, draws.sum(axis=1).tolist()
    ((3, 4), [4, 4, 4])
    """
    for what, number, least in (
        ("count", count, 1),
        ("resamples", resamples, 1),
        ("seed", seed, 0),
    ):
        if number < least:
            raise InputError(f"{what} must be {least} or more, got {number}. Give a larger number.")
    rng = np.random.Generator(np.random.PCG64(seed))
    share = np.full(count, 1 / count)
    draws = np.empty((resamples, count), np.int32)
    for row in draws:
        row[:] = rng.multinomial(count, share)
    return draws


def interval_of(values: ArrayLike, value: float, level: float = 0.95) -> Interval:
    """Return the percentile interval of a score.

    Args:
        values: (B,) the score in each draw; NaN is left out and counted.
        value: the score of the images as they are.
        level: share of the draws inside, between 0 and 1.

    Raises:
        InputError: level is not between 0 and 1, or values are no list of numbers.

    >>> interval_of([0.0, 0.25, 0.5, 0.75, 1.0, float("nan")], value=0.4, level=0.5)
    Interval(value=0.4, low=0.25, high=0.75, level=0.5, resamples=5, left_out=1)
    """
    found = as_values(values, "values")
    known = found[~np.isnan(found)]
    low, high = percentiles(known, level)
    return Interval(float(value), low, high, level, len(known), len(found) - len(known))


def bootstrap_ranked(
    ranked: Ranked, weights: ArrayLike, threshold: float | None = None
) -> NDArray[np.float64]:
    """Return (B,) average precision in each draw; NaN where a draw has no truth.

    Args:
        ranked: predictions in order of rank, such as `LambdaAP.ranked()["strict"]`.
        weights: (B, N) draws, from `bootstrap_images`.
        threshold: AP at this one of the thresholds; default their mean.

    Raises:
        InputError: the threshold is none of these, or weights do not fit.

    >>> image, scores, truth = np.array([0, 1]), np.array([0.9, 0.8]), np.array([1, 1])
    >>> ranked = Ranked(("a", "b"), (0.5,), image, scores, np.array([[True, False]]), truth)
    >>> bootstrap_ranked(ranked, [[1, 1], [2, 0], [0, 2]]).tolist()
    [0.5, 1.0, 0.0]
    """
    place = None if threshold is None else _place(ranked, threshold)
    values = ranked.resample(weights)
    # Row by row, as one set is averaged: the same bits.
    return np.array([np.mean(row) for row in values]) if place is None else values[:, place]


def bootstrap_labels(
    ranked: Mapping[str, Ranked], weights: ArrayLike, threshold: float | None = None
) -> NDArray[np.float64]:
    """Return (B,) mean over labels of average precision; NaN where a draw has no truth.

    Args:
        ranked: one entry a label, such as `RegionAP.ranked()`; a label without truth in a draw is
            left out of its mean.
        weights: (B, N) draws, from `bootstrap_images`.
        threshold: AP at this one of the thresholds; default their mean.

    Raises:
        InputError: there is no label, their images differ, or as for `bootstrap_ranked`.
    """
    if len({entry.image_ids for entry in ranked.values()}) != 1:
        raise InputError(
            "ranked must be one or more labels on the same images, got "
            f"{[len(entry.image_ids) for entry in ranked.values()]} images. "
            "Take all labels of one metric."
        )
    found = [bootstrap_ranked(entry, weights, threshold) for entry in ranked.values()]
    known = [row[~np.isnan(row)] for row in np.stack(found, axis=1)]
    return np.array([np.mean(row) if len(row) else math.nan for row in known])


def bootstrap_confusion(
    confusions: Iterable[ArrayLike],
    weights: ArrayLike,
    scores: Sequence[str] = ("mean_iou",),
    absent: Absent = "skip",
    label_ids: Sequence[int] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return (B,) pixel scores in each draw, by name; NaN where a draw has no counted pixel.

    Each draw has one confusion matrix over all its images, as `ConfusionMatrix` has over a set.
    Images are read once: memory is B matrices, however many images there are.

    Args:
        confusions: the N images' (C, C) counts in sorted id order, such as `Tally.confusion`.
        weights: (B, N) draws, from `bootstrap_images`.
        scores: fields of `SegmentationScores` that are one number.
        absent: the rule for absent classes.
        label_ids: the classes that are averaged; default all.

    Raises:
        InputError: the number of images, a matrix or the name of a score does not fit.

    >>> images = [[[2, 0], [0, 2]], [[0, 0], [4, 0]]]  # all right; all wrong
    >>> bootstrap_confusion(images, [[1, 1], [2, 0]], ["overall_accuracy"])
    {'overall_accuracy': array([0.5, 1. ])}
    """
    drawn = np.asarray(weights)
    drawn = check_weights(drawn, drawn.shape[-1] if drawn.ndim else 0)
    totals, used = None, 0
    images = iter(confusions)
    while batch := [_as_counts(matrix) for matrix in islice(images, _BATCH)]:
        if totals is None:
            totals = np.zeros((len(drawn), *batch[0].shape), np.int64)
        sizes = {matrix.shape for matrix in batch} - {totals.shape[1:]}
        if sizes:
            raise InputError(
                f"confusions must be of one size {totals.shape[1:]}, got {sizes.pop()}. "
                "Count all images with one scheme."
            )
        part = drawn[:, used : used + len(batch)]
        used += len(batch)
        if part.shape[1] < len(batch):
            break
        # Whole numbers below 2**53: the product of float64 matrices is exact, and fast.
        flat = np.stack(batch).reshape(len(batch), -1).astype(np.float64)
        totals += (part.astype(np.float64) @ flat).astype(np.int64).reshape(totals.shape)
    if totals is None or used != drawn.shape[1]:
        raise InputError(
            f"confusions must be one an image ({drawn.shape[1]}), got {used}. "
            "Draw as many images as were scored."
        )
    return _pixel_scores(totals, scores, absent, label_ids)


def as_values(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return scores as (N,) float64.

    Raises:
        InputError: they are no list of numbers.
    """
    found = np.asarray(values, np.float64)
    if found.ndim != 1:
        raise InputError(
            f"{what} must be a list of numbers, got shape {found.shape}. Give one score at a time."
        )
    return found


def percentiles(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Return the ends of the middle share `level` of values; NaN where there are none.

    Raises:
        InputError: level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level}. Write .95 for 95 %.")
    if not len(values):
        return math.nan, math.nan
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _place(ranked: Ranked, threshold: float) -> int:
    for index, value in enumerate(ranked.thresholds):
        if abs(value - threshold) < 1e-9:
            return index
    raise InputError(
        f"threshold must be one of {list(ranked.thresholds)}, got {threshold}. "
        "Name it when the metric is made."
    )


def _as_counts(matrix: ArrayLike) -> NDArray[np.int64]:
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.dtype.kind not in "ui":
        raise InputError(
            f"confusions must be (C, C) whole numbers, got {counts.dtype} of shape "
            f"{counts.shape}. Give the counts of one image each."
        )
    return counts.astype(np.int64, copy=False)


def _pixel_scores(
    totals: NDArray[np.int64],
    names: Sequence[str],
    absent: Absent,
    label_ids: Sequence[int] | None,
) -> dict[str, NDArray[np.float64]]:
    found: dict[str, list[float]] = {name: [] for name in names}
    for counts in totals:
        matrix = ConfusionMatrix(len(counts), label_ids=label_ids)
        matrix._matrix += counts
        scores = matrix.compute(absent)
        for name in names:
            value = getattr(scores, name, None)
            if not isinstance(value, float):
                choices = [k for k, v in vars(scores).items() if isinstance(v, float)]
                raise InputError(
                    f"score must be one number of the pixel scores, got '{name}'. "
                    f"Choices: {', '.join(choices)}."
                )
            found[name].append(value)
    return {name: np.array(values) for name, values in found.items()}
