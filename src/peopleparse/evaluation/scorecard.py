"""All scores of one system, from its tallies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.evaluation.modes import Labels, M2fpPixels, Metric, check_scores, make_metrics
from peopleparse.evaluation.worst import WorstImages
from peopleparse.metrics.average_precision import sample_curve
from peopleparse.metrics.bootstrap import bootstrap_confusion, bootstrap_labels, bootstrap_ranked
from peopleparse.metrics.checks import plain
from peopleparse.metrics.confusion import ConfusionMatrix
from peopleparse.metrics.failures import FailureCounts
from peopleparse.metrics.ranked import Ranked
from peopleparse.metrics.readings import HEADLINES
from peopleparse.metrics.tally import Tally

_PERSONS = ("ap_lambda", "ap_p", "ap_h", "person_mask", "person_box")
_REGIONS = ("ap_r", "panoptic")
_PIXELS = ("mean_iou", "overall_accuracy", "mean_accuracy", "frequency_weighted_iou")
# Headline: its metric, which of the metric's ranked entries (None for all), and the threshold.
_DRAWN: dict[str, tuple[str, str | None, float | None]] = {
    "ap_lambda_strict": ("ap_lambda", "strict", None),
    "ap_lambda_literal": ("ap_lambda", "literal", None),
    "ap_lambda_mhp": ("ap_lambda", "mhp", None),
    "ap_p_50": ("ap_p", "person", 0.5),
    "ap_p_vol": ("ap_p", "person", None),
    "ap_r_50": ("ap_r", None, 0.5),
    "ap_r_vol": ("ap_r", None, None),
    "ap_h_vol": ("ap_h", "person", None),
    "person_mask_ap": ("person_mask", "person", None),
    "person_mask_ap_50": ("person_mask", "person", 0.5),
    "person_box_ap": ("person_box", "person", None),
}
_RANKED = {score for score, _, _ in _DRAWN.values()}
_CURVES = {name: ("ap_lambda", name) for name in HEADLINES} | {
    "person_mask": ("person_mask", "person")
}
_CURVE_AT = 0.5


class Scorecard:
    """Scores of one system; tallies are added one by one and let go.

    Scores of persons are left out where the files have none, of parts where they have neither
    persons nor regions; scores that were asked for by name are an error there.

    Args:
        labels: labels of the tallies.
        mode: one of `MODES`.
        names: scores to make; None for all that the mode has and the files allow.
        all_readings: whether AP^lambda is taken in every reading.
        worst: how many of the worst images are kept.

    Raises:
        InputError: mode or scores are unknown.
    """

    def __init__(
        self,
        labels: Labels,
        mode: str = "recommended",
        names: Iterable[str] | None = None,
        all_readings: bool = False,
        worst: int = 12,
    ) -> None:
        self.mode, self.labels = mode, labels
        chosen = check_scores(mode, names)
        self._named = names is not None
        self.metrics: dict[str, Metric] = make_metrics(labels, mode, chosen, all_readings)
        self._failures: FailureCounts | None = None
        if mode == "recommended":
            ids = (labels.num_ids, labels.ignore_id, labels.parts)
            self._failures = FailureCounts(*ids)
        self._worst = WorstImages(labels.parts, worst)
        self.persons = True  # until an image shows that the files have none

    def add(self, tally: Tally) -> None:
        """Add one image.

        Raises:
            InputError: it was counted with other labels, it was added before, or a score that was
                asked for by name needs persons and it has none.
        """
        for name in self._needless(tally):
            del self.metrics[name]
        if tally.overlap is None:
            self._failures, self.persons = None, False
        elif self._failures is not None:
            self._failures.add(tally)
        for metric in self.metrics.values():
            metric.add(tally)
        self._worst.add(tally)

    def _needless(self, tally: Tally) -> list[str]:
        """Return the scores that this image shows to be impossible."""
        if self._named or tally.overlap is not None:
            return []
        lost = _PERSONS if tally.regions is not None else _PERSONS + _REGIONS
        return [name for name in lost if name in self.metrics]

    def scores(self) -> dict[str, Any]:
        """Return the scores of all images so far, as JSON holds them.

        Raises:
            InputError: the files allow no score of the mode, or only some images have scores.
        """
        if not self.metrics:
            raise InputError(
                f"files must have persons or part regions for mode '{self.mode}', got label maps "
                "only. Take mode recommended, which scores pixels."
            )
        found = {}
        for name, metric in self.metrics.items():
            found[name] = metric.compute().to_dict()
            if isinstance(metric, ConfusionMatrix | M2fpPixels):
                found[name]["confusion"] = metric.value().tolist()
        if "ap_lambda" in found:
            readings = found["ap_lambda"]["readings"]
            found["ap_lambda"]["readings"] = {name: readings[name] for name in HEADLINES}
        return found

    def failures(self) -> dict[str, Any] | None:
        """Return what became of persons and parts, as JSON holds it; None without persons."""
        return None if self._failures is None else self._failures.compute().to_dict()

    def worst(self) -> list[dict[str, Any]]:
        """Return the worst images, as JSON holds them."""
        return [{"image_id": name, "score": score} for name, score in self._worst.lowest()]

    def curves(self) -> dict[str, Any]:
        """Return precision over recall at threshold .5, as JSON holds it."""
        found = {}
        for name, (score, entry) in _CURVES.items():
            if self.mode != "recommended" or score not in self.metrics:
                continue
            one = self._ranked(score)[entry]
            place = int(np.abs(np.array(one.thresholds) - _CURVE_AT).argmin())
            runs = None if one.scored else one.scores
            recall, precision = sample_curve(one.hits[place], int(one.num_truth.sum()), runs)
            found[name] = plain({"threshold": _CURVE_AT, "recall": recall, "precision": precision})
        return found

    def draw(
        self, confusions: Iterable[ArrayLike], weights: ArrayLike
    ) -> dict[str, NDArray[np.float64]]:
        """Return the (B,) values of each headline in each draw of images.

        Args:
            confusions: the images' counts in sorted id order.
            weights: (B, N) how often each draw has each image, in that order.

        Raises:
            InputError: the mode is a legacy one, or weights do not fit.
        """
        if self.mode != "recommended":
            raise InputError(
                f"mode must be recommended where images are drawn again, got '{self.mode}'. "
                "Leave out bootstrap and groups, or the mode."
            )
        found: dict[str, NDArray[np.float64]] = {}
        if "pixels" in self.metrics:
            used = (0, *self.labels.parts)
            found |= bootstrap_confusion(confusions, weights, _PIXELS, label_ids=used)
        ranked = {name: self._ranked(name) for name in self.metrics if name in _RANKED}
        for key, (score, entry, threshold) in _DRAWN.items():
            if score in ranked and entry is None:
                found[key] = bootstrap_labels(ranked[score], weights, threshold)
            elif score in ranked and entry is not None:
                found[key] = bootstrap_ranked(ranked[score][entry], weights, threshold)
        return found

    def _ranked(self, score: str) -> Mapping[str, Ranked]:
        found: Mapping[str, Ranked] = self.metrics[score].ranked()  # type: ignore[attr-defined]
        return found
