"""Pixel scores from one confusion matrix over the whole set of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError, suggest
from peopleparse.metrics.checks import (
    as_labels,
    check_label_ids,
    check_num_ids,
    plain,
    raise_stray,
)
from peopleparse.metrics.runs import find_runs

if TYPE_CHECKING:
    from peopleparse.metrics.tally import Tally

Absent = Literal["skip", "zero", "one"]
_ABSENT = {"skip": np.nan, "zero": 0.0, "one": 1.0}
# Pixels at a time: what is made of them then stays in the cache of one core.
_CHUNK = 1 << 17


@dataclass(frozen=True)
class SegmentationScores:
    """Pixel scores of a set; NaN where nothing was there to score.

    Attributes:
        overall_accuracy: right pixels / pixels.
        mean_accuracy: mean over classes of (right pixels / truth pixels).
        mean_iou: mean of `iou`.
        frequency_weighted_iou: mean of `iou` weighted by truth pixels.
        accuracy, iou: one number a label id; NaN for a skipped class.
        pixels: pixels counted (ignored ones are not).
        absent: the rule for absent classes.
    """

    overall_accuracy: float
    mean_accuracy: float
    mean_iou: float
    frequency_weighted_iou: float
    accuracy: tuple[float, ...]
    iou: tuple[float, ...]
    pixels: int
    absent: Absent

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None."""
        return {"definition": "confusion/1", **plain(asdict(self))}


class ConfusionMatrix:
    """Confusion matrix of a set of label maps.

    Definition: entry (t, p) counts the pixels of all images with truth t and prediction p; pixels
    whose truth is ignore_id are dropped. IoU of a class is its diagonal entry over the sum of its
    row and column less the diagonal. Classes are averaged over the set, never image by image.
    Absent: a class without a pixel in truth and prediction (for accuracy: in truth) is left out of
    the mean with absent="skip", counts 0 with "zero" and 1 with "one". A set without a counted
    pixel gives NaN throughout. A class only predicted has IoU 0 under every rule.
    Source: FCN (Long et al., CVPR 2015), section 5, for the four scores; background is a class.
    Differs: the published scripts skip, count 0 or count 1 without saying so; the rule is named.

    >>> matrix = ConfusionMatrix(num_ids=3)
    >>> matrix.update([[0, 1, 1, 255]], [[0, 1, 0, 0]])
    >>> matrix.value().tolist()
    [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    >>> scores = matrix.compute()  # 2 of 3 pixels right; IoU 1/2 and 1/2; class 2 absent
    >>> round(scores.overall_accuracy, 3), scores.mean_accuracy, scores.mean_iou
    (0.667, 0.75, 0.5)
    >>> round(matrix.compute(absent="zero").mean_iou, 3)
    0.333
    """

    def __init__(
        self, num_ids: int, ignore_id: int = 255, label_ids: Sequence[int] | None = None
    ) -> None:
        """Choose labels.

        Args:
            num_ids: labels are 0 to num_ids - 1.
            ignore_id: the truth's value for pixels that do not count.
            label_ids: the classes that are averaged, 0 among them; default all. A prediction of
                another one is wrong, as where a scheme leaves an id unused.

        Raises:
            InputError: one of them is outside its range.
        """
        check_num_ids(num_ids, ignore_id)
        self.num_ids, self.ignore_id = num_ids, ignore_id
        self.label_ids = check_label_ids(label_ids, num_ids, first=0)
        self._matrix = np.zeros((num_ids, num_ids), np.int64)

    def update(self, truth: ArrayLike, prediction: ArrayLike, where: str = "") -> None:
        """Add label maps of any equal shape, one image or a batch.

        Args:
            truth: label ids below num_ids, or ignore_id.
            prediction: label ids below num_ids, also where the truth is ignored.
            where: named in errors, such as the file.

        Raises:
            InputError: the shapes differ, or a label id is outside the scheme; nothing is added.
        """
        self._matrix += count_pairs(truth, prediction, self.num_ids, self.ignore_id, where)

    def add(self, tally: Tally) -> None:
        """Add one image whose pixels are counted.

        Raises:
            InputError: it was counted with other labels.
        """
        expected = (self.num_ids, self.num_ids)
        if tally.confusion.shape != expected:
            raise InputError(
                f"confusion must be {expected} counts, got {tally.confusion.shape}, at image "
                f"'{tally.image_id}'. Count and score with one scheme."
            )
        self._matrix += tally.confusion

    def merge(self, other: ConfusionMatrix) -> None:
        """Add the counts of another shard.

        Raises:
            InputError: the other was made for other labels.
        """
        mine = (self.num_ids, self.ignore_id, self.label_ids)
        theirs = (other.num_ids, other.ignore_id, other.label_ids)
        if mine != theirs:
            raise InputError(
                f"merged matrices must have num_ids, ignore_id and label_ids {mine}, got {theirs}. "
                "Score all shards with one scheme."
            )
        self._matrix += other._matrix

    def value(self) -> NDArray[np.int64]:
        """Return a copy of the (num_ids, num_ids) counts: rows truth, columns prediction."""
        return self._matrix.copy()

    def compute(self, absent: Absent = "skip") -> SegmentationScores:
        """Return the scores under a rule for absent classes: "skip", "zero" or "one".

        Raises:
            InputError: the rule has another name.
        """
        if absent not in _ABSENT:
            raise InputError(
                f"absent must be a known rule, got '{absent}'.{suggest(absent, _ABSENT)}"
            )
        right, truth = self._matrix.diagonal(), self._matrix.sum(1)
        union = truth + self._matrix.sum(0) - right
        pixels = int(truth.sum())
        fill = _ABSENT[absent] if pixels else np.nan
        accuracy, iou = _ratio(right, truth, fill), _ratio(right, union, fill)
        unused = np.setdiff1d(np.arange(self.num_ids), self.label_ids)
        accuracy[unused] = iou[unused] = np.nan
        weighted = np.where(truth > 0, truth * np.nan_to_num(iou), 0.0).sum()
        return SegmentationScores(
            overall_accuracy=int(right.sum()) / pixels if pixels else float("nan"),
            mean_accuracy=_mean(accuracy),
            mean_iou=_mean(iou),
            frequency_weighted_iou=float(weighted / pixels) if pixels else float("nan"),
            accuracy=tuple(accuracy.tolist()),
            iou=tuple(iou.tolist()),
            pixels=pixels,
            absent=absent,
        )


def count_pairs(
    truth: ArrayLike, prediction: ArrayLike, num_ids: int, ignore_id: int = 255, where: str = ""
) -> NDArray[np.int64]:
    """Return (num_ids, num_ids) pixels by truth label (rows) and predicted label (columns).

    Raises:
        InputError: the shapes differ, or a label id is outside the scheme.
    """
    t, p = as_labels(truth, "truth", where), as_labels(prediction, "prediction", where)
    if t.shape != p.shape:
        raise InputError(
            f"prediction must have the truth's shape {t.shape}, got {p.shape}"
            f"{f', at {where}' if where else ''}. Resize it to the size of the photo."
        )
    pairs = _pair_histogram(t.ravel(), p.ravel())
    rows, columns = np.flatnonzero(pairs.any(1)), np.flatnonzero(pairs.any(0))
    stray = [int(i) for i in rows if i >= num_ids and i != ignore_id]
    last = num_ids - 1
    if stray:
        raise_stray("truth", stray, f"0 to {last} or {ignore_id}", where)
    if columns.size and columns[-1] > last:
        raise_stray("prediction", columns[columns > last].tolist(), f"0 to {last}", where)
    return pairs[:num_ids, :num_ids]


def _pair_histogram(truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.int64]:
    # All 256 x 256 pairs: stray and ignored ids need no pass of their own.
    counts = np.zeros((256, 256), np.int64)
    for start in range(0, truth.size, _CHUNK):
        t, p = truth[start : start + _CHUNK], prediction[start : start + _CHUNK]
        runs = find_runs([t, p])
        keys = (t if runs is None else t.take(runs[0])).astype(np.intp)
        keys <<= 8
        keys |= p if runs is None else p.take(runs[0])
        if runs is None:
            counts += np.bincount(keys, minlength=counts.size).reshape(counts.shape)
        else:
            np.add.at(counts.reshape(-1), keys, runs[1])
    return counts


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64], fill: float) -> NDArray[np.float64]:
    return np.where(whole > 0, part / np.maximum(whole, 1), fill)


def _mean(values: NDArray[np.float64]) -> float:
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if kept.size else float("nan")
