"""Ranked predictions of a set of images: what average precision is computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
