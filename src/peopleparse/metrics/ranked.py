"""Ranked predictions of a set of images: what average precision is computed from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.average_precision import COCO_RECALLS, average_precision

# Elements of one array at work: a few of them stay in the cache of one core.
_CHUNK = 1 << 17
# Bits of a value that are added at a time: sums below 2**29 then stay whole in float64.
_BITS = 24


@dataclass(frozen=True, eq=False)
class Ranked:
    """Predictions in order of rank, over N images, at K thresholds.

    Whether a prediction is right depends on its own image only, so images can be drawn again
    without matching anew.

    Attributes:
        image_ids: the N images, sorted.
        thresholds: the K thresholds.
        image: (P,) index of each prediction's image, in order of rank.
        scores: (P,) falling.
        hits: (K, P) whether the prediction is right.
        num_truth: (N,) truth persons or regions of each image.
        scored: False where the system gave no scores: equal scores then make one point.
        integration: "all-point" or "coco-101".
    """

    image_ids: tuple[str, ...]
    thresholds: tuple[float, ...]
    image: NDArray[np.intp]
    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]
    num_truth: NDArray[np.int64]
    scored: bool = True
    integration: str = "all-point"

    def average_precision(self, weights: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return (K,) AP; NaN where no truth is drawn.

        Args:
            weights: (N,) how often each image is drawn; default once each. The result is that of
                really repeating the images, bit for bit: copies of an image stand side by side,
                and its predictions of equal score follow each other copy by copy.

        Raises:
            InputError: weights are not N whole numbers from 0.

        >>> image, scores, truth = np.array([0, 1]), np.array([0.9, 0.8]), np.array([1, 1])
        >>> ranked = Ranked(("a", "b"), (0.5,), image, scores, np.array([[True, False]]), truth)
        >>> ranked.average_precision().tolist(), ranked.average_precision([2, 0]).tolist()
        ([0.5], [1.0])
        """
        if weights is None:
            weights = np.ones(len(self.image_ids), np.int64)
        return self.resample(np.asarray(weights)[None])[0]

    def average(self, weights: ArrayLike | None = None) -> float:
        """Return the mean of AP over the thresholds; see `average_precision`."""
        return float(np.mean(self.average_precision(weights)))

    def resample(self, weights: ArrayLike) -> NDArray[np.float64]:
        """Return (B, K) AP of B draws of images; see `average_precision`.

        Args:
            weights: (B, N) how often each draw has each image.

        Raises:
            InputError: weights are not (B, N) whole numbers from 0.
        """
        drawn = check_weights(weights, len(self.image_ids))
        truth = drawn @ self.num_truth
        if len(drawn) == 1 and (drawn == 1).all():
            return self._once(int(truth[0]))
        slots, copies = self._slots(drawn)
        rows = max(1, _CHUNK // max(1, len(slots)))
        found = np.zeros((len(drawn), len(self.thresholds)))
        for start in range(0, len(drawn), rows):
            part = slice(start, start + rows)
            found[part] = self._areas(drawn[part], truth[part], slots, copies)
        found[truth == 0] = math.nan
        return found

    def _once(self, num_truth: int) -> NDArray[np.float64]:
        runs = None if self.scored else self.scores
        found = [average_precision(h, num_truth, self.integration, runs) for h in self.hits]  # type: ignore[arg-type]
        return np.array([found])

    def _slots(self, drawn: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Return predictions in order of rank and the copy that each stands for, -1 for all.

        Copies of one prediction follow each other, unless other predictions of its image have
        its score: then copies of that block follow each other, and each needs a place.
        """
        count = len(self.image)
        if not self.scored or count < 2:
            return np.arange(count), np.full(count, -1)
        changes = (np.diff(self.image) != 0) | (np.diff(self.scores) != 0)
        block = np.concatenate([[0], np.cumsum(changes)])
        alone = np.bincount(block)[block] == 1
        most = np.maximum(drawn.max(axis=0, initial=1), 1)
        repeats = np.where(alone, 1, most[self.image])
        slots = np.repeat(np.arange(count), repeats)
        first = np.cumsum(repeats) - repeats
        copies = np.arange(len(slots)) - first[slots]
        order = np.lexsort((slots, copies, block[slots]))
        slots = slots[order]
        return slots, np.where(alone[slots], -1, copies[order])

    def _areas(
        self,
        drawn: NDArray[np.int64],
        truth: NDArray[np.int64],
        slots: NDArray[np.intp],
        copies: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Return (B, K) AP of a few draws; what stands where no truth is drawn means nothing."""
        weights = drawn.astype(np.float64)[:, self.image[slots]]
        placed = copies >= 0
        if placed.any():
            weights[:, placed] = weights[:, placed] > copies[placed]
        seen = np.cumsum(weights, axis=1)
        ends = np.append(np.flatnonzero(np.diff(self.scores)), len(self.scores) - 1)
        found = np.zeros((len(drawn), len(self.thresholds)))
        for k, hits in enumerate(self.hits):
            right_slots = np.flatnonzero(hits[slots])
            if not right_slots.size:
                continue
            # A wrong prediction never has the best precision of what follows: hits are enough.
            if self.scored:
                steps = weights[:, right_slots]
                right, points = np.cumsum(steps, axis=1), seen[:, right_slots]
            else:
                right, points = np.cumsum(weights * hits, axis=1)[:, ends], seen[:, ends]
                steps = np.diff(right, axis=1, prepend=0.0)
            envelope = right / np.maximum(points, 1)
            envelope = np.maximum.accumulate(envelope[:, ::-1], axis=1)[:, ::-1]
            if self.integration == "coco-101":
                found[:, k] = _coco_means(right, envelope, truth)
            elif self.scored:
                found[:, k] = _exact_sums(steps, envelope) / np.maximum(truth, 1)
            else:
                products = steps * envelope
                found[:, k] = _exact_sums(np.ones_like(steps), products) / np.maximum(truth, 1)
        return found


def check_weights(weights: ArrayLike, count: int) -> NDArray[np.int64]:
    """Return (B, N) int64 numbers of draws of `count` images.

    Raises:
        InputError: they have another shape, or are not whole numbers from 0.
    """
    drawn = np.asarray(weights)
    fits = drawn.ndim == 2 and drawn.shape[1] == count
    if not fits or drawn.dtype.kind not in "ui" or (drawn.size and drawn.min() < 0):
        raise InputError(
            f"weights must be whole numbers from 0, one an image ({count}), got {drawn.dtype} "
            f"of shape {drawn.shape}. Draw them with bootstrap_images({count}, ...)."
        )
    return drawn.astype(np.int64, copy=False)


def _exact_sums(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (B,) sums of whole weights times values from 0, rounded once as math.fsum does."""
    sums, bits = [0] * len(values), 0
    rest = values
    while rest.any():
        rest = rest * 2.0**_BITS
        whole = np.floor(rest)
        rest -= whole
        parts = np.einsum("bp,bp->b", weights, whole)
        sums = [(total << _BITS) + int(part) for total, part in zip(sums, parts, strict=True)]
        bits += _BITS
    return np.array([total / (1 << bits) for total in sums])


def _coco_means(
    right: NDArray[np.float64], envelope: NDArray[np.float64], truth: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return (B,) means of precision at 101 recalls."""
    total = np.maximum(truth, 1)[:, None]
    # Fewest right predictions whose share of the truth, as float64, reaches each recall.
    needed = np.maximum(np.floor(COCO_RECALLS * total) - 1, 0)
    for _ in range(3):
        needed += needed / total < COCO_RECALLS
    means = np.zeros(len(right))
    for row, counts in enumerate(right):
        index = np.searchsorted(counts, needed[row], side="left")
        means[row] = math.fsum(envelope[row, index[index < len(counts)]]) / len(COCO_RECALLS)
    return means
