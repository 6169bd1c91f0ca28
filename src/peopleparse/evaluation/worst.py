"""The images on which a system is worst."""

from __future__ import annotations

import heapq
import math

import numpy as np

from peopleparse.metrics.checks import DECIMALS
from peopleparse.metrics.confusion import ConfusionMatrix
from peopleparse.metrics.readings import READINGS, mean_part_iou
from peopleparse.metrics.tally import Tally


def image_score(tally: Tally, parts: tuple[int, ...]) -> float:
    """Return how well one image is parsed, in [0, 1].

    Definition: the mean over truth persons of the highest mean part IoU (reading `strict`) that
    any prediction has with them; without persons the mean IoU of the image's pixels, classes in
    neither left out.
    Absent: a truth person without a labelled pixel is left out; without any truth person the
    score is that of the pixels. NaN where the truth ignores every pixel.

    Args:
        tally: one image.
        parts: label ids that are parts.
    """
    if tally.overlap is not None:
        visible = np.flatnonzero(tally.overlap.truth_areas[:, 1:].any(axis=1))
        overlap = tally.overlap.take(visible, np.arange(tally.overlap.num_pred))
        if len(visible):
            means = mean_part_iou(overlap, READINGS["strict"], np.array(parts, np.intp))
            best = means.max(axis=1, initial=0.0)
            return math.fsum(best) / len(best)
    matrix = ConfusionMatrix(len(tally.confusion), label_ids=(0, *parts))
    matrix.add(tally)
    return matrix.compute().mean_iou


class WorstImages:
    """The lowest image scores of a set, whatever its order; memory does not grow."""

    def __init__(self, parts: tuple[int, ...], count: int = 12) -> None:
        self._parts, self._count = parts, count
        self._heap: list[tuple[float, _Backwards]] = []

    def add(self, tally: Tally) -> None:
        """Add one image."""
        score = round(image_score(tally, self._parts), DECIMALS)
        if math.isnan(score):
            return
        entry = (-score, _Backwards(tally.image_id))
        if len(self._heap) < self._count:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def lowest(self) -> list[tuple[str, float]]:
        """Return (image id, score), lowest first; equal scores by image id."""
        found = sorted((-score, name.text) for score, name in self._heap)
        return [(name, score) for score, name in found]


class _Backwards:
    """A text that sorts backwards: of equal scores the heap drops the last image id."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __lt__(self, other: _Backwards) -> bool:
        return self.text > other.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Backwards) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)
