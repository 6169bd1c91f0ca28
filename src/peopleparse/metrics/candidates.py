"""Predictions with their best truth, and the ranked right and wrong ones that AP is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, suggest
from peopleparse.metrics.matching import first_hits
from peopleparse.metrics.ranked import Ranked


@dataclass(frozen=True, eq=False)
class Candidates:
    """Predictions of one image, or of a set; P predictions.

    Attributes:
        scores: (P,), 1.0 each for a system without scores.
        best: (P,) the truth that fits best, -1 for none; numbered over the set once joined.
        value: (P,) how well it fits, -1.0 for none.
        num_truth: truth persons or regions; of a set, (N,) one number an image.
        scored: False where the system gave no scores.
        image_ids: the N images of a set, sorted.
        image: (P,) index of each prediction's image in a set.
    """

    scores: NDArray[np.float64]
    best: NDArray[np.intp]
    value: NDArray[np.float64]
    num_truth: NDArray[np.int64]
    scored: bool = True
    image_ids: tuple[str, ...] = ("",)
    image: NDArray[np.intp] | None = None

    def take(self, kept: NDArray[Any], num_truth: NDArray[np.int64] | None = None) -> Candidates:
        """Return some of the predictions, in the order of `kept`."""
        return replace(
            self,
            scores=self.scores[kept],
            best=self.best[kept],
            value=self.value[kept],
            num_truth=self.num_truth if num_truth is None else num_truth,
            image=None if self.image is None else self.image[kept],
        )


def join(images: Mapping[str, Candidates]) -> Candidates:
    """Return the candidates of a set, images in the order of their ids.

    Raises:
        InputError: some images came with scores and others without.
    """
    names = tuple(sorted(images))
    parts = [images[name] for name in names]
    scored = {part.scored for part in parts if len(part.scores)}
    if len(scored) > 1:
        raise InputError(
            "scores must be given for all images or for none, got both. Fill in the missing scores."
        )
    counts = np.array([int(part.num_truth) for part in parts], np.int64)
    starts = np.cumsum(counts) - counts
    return Candidates(
        scores=np.concatenate([np.zeros(0), *(part.scores for part in parts)]),
        best=np.concatenate(
            [np.zeros(0, np.intp), *(p.best + s for p, s in zip(parts, starts, strict=True))]
        ),
        value=np.concatenate([np.zeros(0), *(part.value for part in parts)]),
        num_truth=counts,
        scored=scored != {False},
        image_ids=names,
        image=np.repeat(np.arange(len(parts)), [len(part.scores) for part in parts]),
    )


def rank_candidates(
    found: Candidates,
    thresholds: Sequence[float],
    order: NDArray[np.intp],
    once: bool = True,
    legacy: bool = False,
) -> Ranked:
    """Return which predictions of a set are right at each threshold.

    Args:
        found: the candidates of a set.
        thresholds: what a right prediction is above.
        order: predictions in order of rank.
        once: a truth makes one prediction right, the first; else every one that fits.
        legacy: predictions of a system without scores are points of their own, as if all had 1.
    """
    assert found.image is not None
    best, value = found.best[order], found.value[order]
    above = value > np.array(thresholds)[:, None]
    hits = np.stack([first_hits(best, row) for row in above]) if once else above
    return Ranked(
        image_ids=found.image_ids,
        thresholds=tuple(thresholds),
        image=found.image[order],
        scores=found.scores[order],
        hits=hits,
        num_truth=found.num_truth,
        scored=found.scored or legacy,
    )


def published_order(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return rising scores turned round, as most published evaluators rank: ties go last first."""
    return np.argsort(scores)[::-1]


def check_mode(mode: str, modes: Sequence[str]) -> str:
    """Return a mode by its name.

    Raises:
        InputError: the metric has no such mode.
    """
    if mode not in modes:
        raise InputError(
            f"mode must be one of {', '.join(modes)}, got '{mode}'.{suggest(mode, modes)}"
        )
    return mode


def value_at(
    thresholds: Sequence[float], values: Sequence[float], threshold: float, what: str
) -> float:
    """Return the value at one of the thresholds.

    Raises:
        InputError: nothing was computed at this threshold.
    """
    for limit, value in zip(thresholds, values, strict=True):
        if abs(limit - threshold) < 1e-9:
            return value
    raise InputError(
        f"threshold of {what} must be one of {list(thresholds)}, got {threshold}. "
        "Name it when the metric is made."
    )
