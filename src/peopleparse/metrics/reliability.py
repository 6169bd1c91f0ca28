"""Whether scores mean a probability."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.checks import plain

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Predictions whose scores lie in one tenth of [0, 1]; means are NaN where there are none."""

    count: int
    mean_score: float
    right: float


@dataclass(frozen=True)
class Reliability:
    """How far scores are from the share of predictions that are right.

    Attributes:
        bins: of equal width, from 0 to 1.
        expected_error: mean distance of `mean_score` and `right`, weighed by `count`; NaN without
            predictions.
        brier: mean square of score less right (1) or wrong (0); NaN without predictions.
    """

    bins: tuple[Bin, ...]
    expected_error: float
    brier: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None."""
        return {"definition": "reliability/1", **plain(asdict(self))}


def measure_reliability(scores: ArrayLike, right: ArrayLike, bins: int = BINS) -> Reliability:
    """Compare scores with how many predictions are right.

    Definition: predictions fall into bins of equal width by score, a score of 1 into the last.
    Absent: an empty bin does not count.
    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, whose expected
    calibration error this is.

    Args:
        scores: (N,) in [0, 1].
        right: (N,) bool.
        bins: how many.

    Raises:
        InputError: a score lies outside [0, 1], or the two differ in length.

    >>> found = measure_reliability([0.95, 0.95, 0.15, 0.15], [True, True, True, False])
    >>> round(found.expected_error, 3), round(found.brier, 4)  # .05 and .35, half each
    (0.2, 0.1875)
    """
    values, hits = np.asarray(scores, np.float64), np.asarray(right, bool)
    if values.shape != hits.shape or values.ndim != 1:
        raise InputError(
            f"scores and right must be (N,) each, got {values.shape} and {hits.shape}. "
            "Give one of each for a prediction."
        )
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError(
            f"scores must be from 0 to 1, got {values.min()} to {values.max()}. "
            "Turn them into probabilities first."
        )
    where = np.minimum((values * bins).astype(int), bins - 1)
    found = tuple(_bin(values[where == n], hits[where == n]) for n in range(bins))
    if not len(values):
        return Reliability(found, float("nan"), float("nan"))
    error = sum(b.count * abs(b.mean_score - b.right) for b in found if b.count) / len(values)
    return Reliability(found, float(error), float(np.mean((values - hits) ** 2)))


def _bin(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> Bin:
    if not len(scores):
        return Bin(0, float("nan"), float("nan"))
    return Bin(len(scores), float(scores.mean()), float(right.mean()))
