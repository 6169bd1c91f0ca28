"""Is one system better than another? Tests on the same draws, or on the same images."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.bootstrap import as_values, percentiles
from peopleparse.metrics.checks import DECIMALS, plain


@dataclass(frozen=True)
class PairedTest:
    """Two systems on the same images.

    Attributes:
        difference: score of the first less that of the second.
        low, high: percentiles of the difference over the draws; NaN for a sign-flip test.
        level: share of the draws between low and high.
        p_value: two-sided; small where chance alone would seldom give such a difference.
        resamples: draws, or assignments of signs, that were used.
        left_out: draws, or images, in which one of the two has no score.
    """

    difference: float
    low: float
    high: float
    level: float
    p_value: float
    resamples: int
    left_out: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None."""
        return {"definition": "paired_test/1", **plain(asdict(self))}


def paired_test(
    first_values: ArrayLike,
    second_values: ArrayLike,
    difference: float,
    level: float = 0.95,
) -> PairedTest:
    """Compare two systems by the same draws.

    Definition: the interval holds the percentiles of the difference over the draws. The p-value is
        twice the smaller of the shares of draws with a difference <= 0 and >= 0, at most 1; one
        is added to both counts and to the number of draws, so that it is never 0.
    Absent: a draw in which one of the two has no score is left out; without any draw the p-value
        is 1.
    Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapters 13 and 16.

    Args:
        first_values: (B,) score of the first system in each draw.
        second_values: (B,) score of the second in the same draws.
        difference: score of the first less that of the second, images as they are.
        level: share of the draws inside the interval.

    Raises:
        InputError: the numbers of draws differ, or level is not between 0 and 1.

    >>> test = paired_test([0.5, 0.6, 0.7], [0.4, 0.5, 0.8], difference=0.1)
    >>> test.p_value  # 2 of 3 are above 0: 2 * (1 + 1) / (3 + 1)
    1.0
    """
    change = _differences(first_values, second_values)
    known = change[~np.isnan(change)]
    low, high = percentiles(known, level)
    smaller = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return PairedTest(
        difference=float(difference),
        low=low,
        high=high,
        level=level,
        p_value=min(1.0, 2 * (smaller + 1) / (len(known) + 1)),
        resamples=len(known),
        left_out=len(change) - len(known),
    )


def sign_flip_test(
    first_values: ArrayLike, second_values: ArrayLike, resamples: int = 10_000, seed: int = 0
) -> PairedTest:
    """Compare two systems by their scores of each image.

    Definition: if both were equally good, each image's difference could as well have the other
        sign. The p-value is the share of assignments of signs whose mean difference is at least as
        far from 0 as the one seen. All 2**N are tried where that is no more than `resamples`;
        otherwise `resamples` are drawn, and one is added to both counts.
    Absent: an image without a score in one of the two is left out; without any the p-value is 1.
    Ties: sums equal to 12 decimals are equal. The order of images does not matter in the exact
        test; give them in sorted id order for the same draws.
    Source: Fisher's randomisation test for paired samples (The Design of Experiments, section 21).

    Args:
        first_values: (N,) score of the first system on each image.
        second_values: (N,) score of the second on the same images.
        resamples: assignments of signs, at most.
        seed: the same seed gives the same signs.

    Raises:
        InputError: the numbers of images differ, or resamples is below 1.

    >>> sign_flip_test([0.5, 0.6, 0.7], [0.4, 0.4, 0.4]).p_value  # +++ and --- of 8
    0.25
    """
    if resamples < 1:
        raise InputError(f"resamples must be 1 or more, got {resamples}. Take 10000.")
    change = _differences(first_values, second_values)
    known = change[~np.isnan(change)]
    count = len(known)
    seen = abs(math.fsum(known))
    # 2**62 assignments are beyond any number of resamples.
    exact = count <= 62 and 2**count <= resamples
    tried = 2**count if exact else resamples
    far = sum(
        int((np.round(np.abs(signs @ known) - seen, DECIMALS) >= 0).sum())
        for signs in (_all_signs(count) if exact else _some_signs(count, resamples, seed))
    )
    return PairedTest(
        difference=math.fsum(known) / count if count else math.nan,
        low=math.nan,
        high=math.nan,
        level=math.nan,
        p_value=far / tried if exact else (far + 1) / (tried + 1),
        resamples=tried,
        left_out=len(change) - count,
    )


def _all_signs(count: int) -> Iterable[NDArray[np.float64]]:
    for start in range(0, 2**count, 4096):
        numbers = np.arange(start, min(start + 4096, 2**count))
        yield np.where(numbers[:, None] >> np.arange(count) & 1, -1.0, 1.0)


def _some_signs(count: int, resamples: int, seed: int) -> Iterable[NDArray[np.float64]]:
    rng = np.random.Generator(np.random.PCG64(seed))
    for start in range(0, resamples, 256):
        yield rng.choice([-1.0, 1.0], (min(256, resamples - start), count))


def _differences(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    one, two = as_values(first, "first_values"), as_values(second, "second_values")
    if len(one) != len(two):
        raise InputError(
            f"second_values must be as many as first_values ({len(one)}), got {len(two)}. "
            "Score both systems on the same images and draws."
        )
    return one - two
