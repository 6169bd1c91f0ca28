"""Which labels are taken for which, how often, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.metrics.bootstrap import percentiles

MOST = 8  # mix-ups that are named
LEVEL = 0.95


def find_mixups(
    matrix: ArrayLike,
    parts: Sequence[int],
    confusions: Iterable[NDArray[np.int64]] = (),
    weights: NDArray[np.int32] | None = None,
) -> dict[str, Any]:
    """Return the most frequent mix-ups and the hardest and easiest labels, as JSON holds them.

    Definition: the share of a mix-up is the wrong pixels over the pixels of the truth label; the
    most frequent have the most pixels. The hardest label has the lowest IoU over the set, of those
    with a pixel of truth; background is none of them. An interval holds the middle 95 % of draws of
    the images, those left out in which the label has no pixel.
    Absent: without a wrong pixel there are no mix-ups, without a label no hardest one.

    Args:
        matrix: (C, C) pixels, truth by prediction.
        parts: label ids without the background.
        confusions: the N images' matrices, in the order of the weights.
        weights: (B, N) draws; None gives no intervals.

    >>> found = find_mixups([[4, 0, 0], [0, 6, 2], [0, 0, 1]], parts=[1, 2])
    >>> [(m["truth"], m["predicted"], m["pixels"], m["share"]) for m in found["mixups"]]
    [(1, 2, 2, 0.25)]
    >>> found["hardest"]["label"], round(found["hardest"]["iou"], 3), found["easiest"]["iou"]
    (2, 0.333, 0.75)
    """
    counts = np.asarray(matrix, np.int64)
    drawn = None if weights is None else _draw(confusions, weights, len(counts))
    wrong = counts - np.diag(np.diag(counts))
    pairs = [(int(n), int(t), int(p)) for t, p in np.argwhere(wrong) for n in [wrong[t, p]]]
    pairs.sort(key=lambda found: (-found[0], found[1], found[2]))
    mixups: list[dict[str, Any]] = [
        {"truth": t, "predicted": p, "pixels": n, "share": n / int(counts[t].sum())}
        | _interval(drawn, lambda d, t=t, p=p: (d[:, t, p], d[:, t].sum(1)))
        for n, t, p in pairs[:MOST]
    ]
    known = [i for i in parts if i < len(counts) and counts[i].any()]
    ranked = sorted(known, key=lambda i: (_iou(counts[None], i), i))
    found: dict[str, Any] = {"mixups": mixups}
    for what, place in (("hardest", 0), ("easiest", -1)):
        if ranked:
            label = ranked[place]
            found[what] = {"label": label, "iou": float(_iou(counts[None], label)[0])} | _interval(
                drawn, lambda d, i=label: (d[:, i, i], _union(d, i))
            )
    return found


def _draw(
    confusions: Iterable[NDArray[np.int64]], weights: NDArray[np.int32], size: int
) -> NDArray[np.int64]:
    """Return (B, C, C), the matrix of each draw; one image at a time is held."""
    total = np.zeros((len(weights), size, size), np.int64)
    for place, one in enumerate(confusions):
        rows, columns = np.nonzero(one)
        total[:, rows, columns] += weights[:, place, None] * one[rows, columns]
    return total


def _union(drawn: NDArray[np.int64], label: int) -> NDArray[np.int64]:
    both = drawn[:, label, :].sum(1) + drawn[:, :, label].sum(1)
    return np.asarray(both - drawn[:, label, label])


def _iou(drawn: NDArray[np.int64], label: int) -> NDArray[np.float64]:
    return np.asarray(drawn[:, label, label] / _union(drawn, label))


def _interval(drawn: NDArray[np.int64] | None, pick: Any) -> dict[str, Any]:
    if drawn is None:
        return {}
    part, whole = pick(drawn)
    known = whole > 0
    low, high = percentiles(part[known] / whole[known], LEVEL)
    return {"low": low, "high": high, "level": LEVEL} if known.any() else {}
