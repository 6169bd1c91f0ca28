"""The named readings of AP^lambda: which labels are averaged, who looks for whom, what is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, suggest
from peopleparse.metrics.average_precision import Integration, check_integration
from peopleparse.metrics.overlap import Overlap

_CLASSES = ("union", "truth", "all")
_MATCHES = ("prediction", "truth")


@dataclass(frozen=True)
class Reading:
    """One way to read the definition of AP^lambda.

    Attributes:
        name: what the score is called.
        background: whether label 0 (all the rest of the image) counts as a part.
        classes: mean over the labels that "union" one or both persons have, "truth" the truth
            person has, or "all" labels of the scheme.
        absent: IoU of a label that neither has; only "all" uses it.
        match: "prediction": each prediction looks for its best truth person. "truth": each truth
            person looks for its best prediction; what nobody looks for is wrong.
        integration: "all-point" or "coco-101"; None: whatever the metric was made with.
        scored: False: scores are put aside, all predictions make one point of the curve.
        inclusive: whether a mean equal to the threshold is enough; else it must be above.
        legacy: do as the published AP^p script does in float64. Its faults: means are compared
            with all their rounding errors; equal scores go in the order that an unstable sort
            leaves, and equal means to the truth person that stands first in the files, so that
            renaming persons may move the score; the area is summed with rounding errors.
        description: what the reading does, in one line.
    """

    name: str
    background: bool = False
    classes: Literal["union", "truth", "all"] = "union"
    absent: float = 1.0
    match: Literal["prediction", "truth"] = "prediction"
    integration: Integration | None = None
    scored: bool = True
    inclusive: bool = False
    legacy: bool = False
    description: str = ""

    def __post_init__(self) -> None:
        """Check the choices.

        Raises:
            InputError: classes, match or integration is none of its choices.
        """
        for what, value, choices in (
            ("classes", self.classes, _CLASSES),
            ("match", self.match, _MATCHES),
        ):
            if value not in choices:
                raise InputError(
                    f"{what} must be a known choice, got '{value}'.{suggest(value, choices)}"
                )
        if self.integration is not None:
            check_integration(self.integration)


HEADLINES = ("strict", "literal", "mhp")

_ALL = (
    Reading("strict", description="parts that one or both persons have"),
    Reading(
        "literal",
        classes="all",
        description="all parts of the scheme; one that neither person has counts 1",
    ),
    Reading("mhp", background=True, description="strict, with the background as one more part"),
    Reading(
        "truth-present",
        classes="truth",
        description="parts that the truth person has; a part only predicted costs nothing",
    ),
    Reading(
        "all-zero",
        classes="all",
        absent=0.0,
        description="all parts of the scheme; one that neither person has counts 0",
    ),
    Reading(
        "truth-present-background",
        background=True,
        classes="truth",
        description="truth-present, with the background as one more part",
    ),
    Reading(
        "literal-background",
        background=True,
        classes="all",
        description="literal, with the background as one more part",
    ),
    Reading(
        "all-zero-background",
        background=True,
        classes="all",
        absent=0.0,
        description="all-zero, with the background as one more part",
    ),
    Reading(
        "strict-truth-driven",
        match="truth",
        description="strict, but each truth person looks for its best prediction",
    ),
    Reading(
        "literal-truth-driven",
        classes="all",
        match="truth",
        description="literal, but each truth person looks for its best prediction, as the paper's "
        "text goes",
    ),
    Reading(
        "mhp-truth-driven",
        background=True,
        match="truth",
        description="mhp, but each truth person looks for its best prediction",
    ),
    Reading(
        "strict-coco-101",
        integration="coco-101",
        description="strict, with precision averaged at 101 recalls",
    ),
    Reading(
        "strict-unscored",
        scored=False,
        description="strict without scores: precision times recall",
    ),
    Reading(
        "literal-unscored",
        classes="all",
        scored=False,
        description="literal without scores: precision times recall",
    ),
    Reading(
        "strict-inclusive",
        inclusive=True,
        description="strict, where a mean equal to the threshold is enough",
    ),
    Reading(
        "legacy-mhp",
        background=True,
        integration="all-point",
        legacy=True,
        description="mhp as published: unrounded means, unstable sort, first person in the files",
    ),
)
READINGS: dict[str, Reading] = {reading.name: reading for reading in _ALL}


def mean_part_iou(
    overlap: Overlap, reading: Reading, label_ids: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return (T, P) mean part IoU under a reading; 0 where no label is left to average.

    Args:
        overlap: counts of one image.
        reading: which labels are averaged.
        label_ids: labels that are parts; 0 is added where the reading counts background.
    """
    ids = np.concatenate([[0], label_ids]) if reading.background else label_ids
    # Contiguous, so that each row is summed as one vector would be, to the last bit.
    iou = np.ascontiguousarray(overlap.part_iou()[:, :, ids])
    if reading.classes == "all":
        return np.where(np.isnan(iou), reading.absent, iou).mean(axis=2)
    # A NaN (in neither person) is never averaged; an absent truth label only under "union".
    counted = ~np.isnan(iou)
    if reading.classes == "truth":
        counted &= (overlap.truth_areas[:, ids] > 0)[:, None]
    number = counted.sum(axis=2)
    return np.where(counted, iou, 0.0).sum(axis=2) / np.maximum(number, 1)


def get_reading(reading: str | Reading) -> Reading:
    """Return a reading by its name; a reading of your own is returned as it is.

    Raises:
        InputError: the name is not in READINGS.
    """
    if isinstance(reading, Reading):
        return reading
    if reading not in READINGS:
        raise InputError(
            f"reading must be a known name, got '{reading}'.{suggest(reading, READINGS)}"
        )
    return READINGS[reading]
