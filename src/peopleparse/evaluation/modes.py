"""Which scores a mode has, and with which metrics they are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, suggest
from peopleparse.metrics.ap_human import HumanAP
from peopleparse.metrics.ap_lambda import LambdaAP
from peopleparse.metrics.ap_part import PartAP
from peopleparse.metrics.ap_region import RegionAP
from peopleparse.metrics.checks import plain
from peopleparse.metrics.confusion import ConfusionMatrix
from peopleparse.metrics.panoptic import PanopticQuality
from peopleparse.metrics.person import PersonAP
from peopleparse.metrics.readings import HEADLINES, READINGS
from peopleparse.metrics.tally import Tally

SCORES = (
    "pixels", "ap_lambda", "ap_p", "ap_r", "ap_h", "person_mask", "person_box", "panoptic",
)  # fmt: skip
# Score: arguments of its metric. What the published code does not have is not there.
_PART = {"mode": "legacy-mhp", "min_score": 0.001}
MODES: dict[str, dict[str, dict[str, Any]]] = {
    "recommended": {name: {} for name in SCORES},
    "legacy-mhp": {"ap_p": {"mode": "legacy-mhp"}},
    "legacy-pgn": {"ap_r": {"mode": "legacy-pgn"}},
    "legacy-mg": {"ap_r": {"mode": "legacy-mg"}},
    "legacy-mce2p": {"ap_p": {"mode": "legacy-mhp"}, "ap_r": {"mode": "legacy-mce2p"}},
    "legacy-m2fp": {
        "pixels": {}, "ap_p": _PART, "ap_r": {"mode": "legacy-m2fp"},
        "ap_h": {"mode": "legacy-m2fp"},
    },
    "legacy-qanet": {
        "pixels": {}, "ap_p": _PART, "ap_r": {"mode": "legacy-mg"},
        "ap_h": {"mode": "legacy-qanet"},
    },
}  # fmt: skip


class Metric(Protocol):
    """A score that takes tallies."""

    def add(self, tally: Tally) -> None:
        """Add one image."""

    def merge(self, other: Any) -> None:
        """Add the images of another shard."""

    def compute(self) -> Any:
        """Return the scores, which have `to_dict`."""


@dataclass(frozen=True)
class Labels:
    """Labels that tallies were counted with.

    Attributes:
        names: one name a label id, "" for an unused one.
        ignore_id: the truth's value for pixels that do not count.
    """

    names: tuple[str, ...]
    ignore_id: int

    @property
    def num_ids(self) -> int:
        """Number of label ids, unused ones included."""
        return len(self.names)

    @property
    def parts(self) -> tuple[int, ...]:
        """Ids in use but background."""
        return tuple(i for i, name in enumerate(self.names) if i and name)


def check_scores(mode: str, names: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the scores to make: those that are named, or all that the mode has.

    Raises:
        InputError: the mode or a score is unknown, or the mode has no such score.
    """
    if mode not in MODES:
        raise InputError(f"mode must be a known name, got '{mode}'.{suggest(mode, MODES)}")
    if names is None:
        return tuple(MODES[mode])
    wanted = set(names)
    for name in sorted(wanted):
        if name not in MODES[mode]:
            raise InputError(
                f"metrics must be scores of mode '{mode}', got '{name}'."
                f"{suggest(name, MODES[mode])}"
            )
    if not wanted:
        raise InputError("metrics must be one or more scores, got none. Leave it out for all.")
    return tuple(name for name in SCORES if name in wanted)


def make_metrics(
    labels: Labels, mode: str, names: Sequence[str], all_readings: bool = False
) -> dict[str, Metric]:
    """Return an empty metric for each score.

    Args:
        labels: labels of the tallies.
        mode: one of MODES.
        names: scores of that mode.
        all_readings: whether AP^lambda is taken in every reading.
    """
    ids: dict[str, Any] = {"num_ids": labels.num_ids, "ignore_id": labels.ignore_id}
    readings = tuple(READINGS) if all_readings else HEADLINES
    found: dict[str, Metric] = {}
    for name in names:
        given = MODES[mode][name]
        if name == "pixels":
            used = (0, *labels.parts)
            right: Metric = ConfusionMatrix(**ids, label_ids=used)
            made = right if mode == "recommended" else M2fpPixels(**ids)
        elif name == "ap_lambda":
            made = LambdaAP(**ids, label_ids=labels.parts, readings=readings)
        elif name in ("person_mask", "person_box"):
            made = PersonAP("mask" if name == "person_mask" else "box")
        elif name == "panoptic":
            made = PanopticQuality(**ids, label_ids=labels.parts)
        elif name == "ap_p":
            made = PartAP(**ids, **given, label_ids=labels.parts)
        else:
            made = {"ap_r": RegionAP, "ap_h": HumanAP}[name](**ids, **given)
        found[name] = made
    return found


@dataclass(frozen=True)
class PublishedPixels:
    """Pixel scores as M2FP and QANet publish them; NaN where no image was counted.

    Attributes:
        overall_accuracy, mean_accuracy, mean_iou: as published.
        accuracy, iou: one number a label id.
        images: images counted; missing_images were passed over.
    """

    overall_accuracy: float
    mean_accuracy: float
    mean_iou: float
    accuracy: tuple[float, ...]
    iou: tuple[float, ...]
    images: int
    missing_images: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None."""
        return {"definition": "confusion_legacy_m2fp/1", **plain(vars(self))}


class M2fpPixels:
    """Pixel scores with the faults of M2FP's and QANet's evaluators.

    Definition: as `ConfusionMatrix`, but 1e-10 is added to every denominator.
    Absent: so a class without a pixel in truth and prediction has IoU and accuracy 0 and counts
    in the means, and images without a prediction are passed over: they never cost anything.
    Source: soeaver/M2FP, m2fp/evaluation/parsing_eval/semseg_eval.py; soeaver/QANet,
    lib/data/evaluation/semseg_eval.py.

    >>> from peopleparse.metrics import make_tally
    >>> metric = M2fpPixels(num_ids=3)
    >>> metric.add(make_tally("a", None, None, num_ids=3, truth_parsing=[[0, 1]], parsing=[[0, 1]]))
    >>> round(metric.compute().mean_iou, 4)  # the third class counts 0
    0.6667
    """

    def __init__(self, num_ids: int, ignore_id: int = 255) -> None:
        self._matrix = ConfusionMatrix(num_ids, ignore_id)
        self._images = self._missing = 0

    def add(self, tally: Tally) -> None:
        """Add one image whose pixels are counted.

        Raises:
            InputError: it was counted with other labels.
        """
        if tally.missing:
            self._missing += 1
        else:
            self._matrix.add(tally)
            self._images += 1

    def merge(self, other: M2fpPixels) -> None:
        """Add the counts of another shard.

        Raises:
            InputError: the other was made for other labels.
        """
        self._matrix.merge(other._matrix)
        self._images += other._images
        self._missing += other._missing

    def value(self) -> NDArray[np.int64]:
        """Return a copy of the counts: rows truth, columns prediction."""
        return self._matrix.value()

    def compute(self) -> PublishedPixels:
        """Return the scores of all images so far."""
        counts = self.value().astype(np.float64)
        right, truth = np.diag(counts), counts.sum(1)
        iou = right / (truth + counts.sum(0) - right + 1e-10)
        accuracy = right / (truth + 1e-10)
        return PublishedPixels(
            overall_accuracy=float(right.sum() / truth.sum()) if truth.sum() else float("nan"),
            mean_accuracy=float(np.nanmean(accuracy)),
            mean_iou=float(np.nanmean(iou)),
            accuracy=tuple(accuracy.tolist()),
            iou=tuple(iou.tolist()),
            images=self._images,
            missing_images=self._missing,
        )
