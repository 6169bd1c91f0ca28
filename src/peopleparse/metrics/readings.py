"""How well one predicted person fits one truth person: the named readings of mean part IoU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, suggest
from peopleparse.metrics.overlap import Overlap

_CLASSES = ("union", "truth", "all")


@dataclass(frozen=True)
class Reading:
    """How the mean part IoU of a truth person and a predicted person is taken.

    Attributes:
        name: what the score is called.
        background: whether label 0 (all the rest of the image) counts as a part.
        classes: mean over the labels that "union" one or both persons have, "truth" the truth
            person has, or "all" labels of the scheme.
        absent: IoU of a label that neither has; only "all" uses it.
    """

    name: str
    background: bool = False
    classes: Literal["union", "truth", "all"] = "union"
    absent: float = 1.0

    def __post_init__(self) -> None:
        """Check the choice of classes.

        Raises:
            InputError: classes is not "union", "truth" or "all".
        """
        if self.classes not in _CLASSES:
            raise InputError(
                f"classes must be a known choice, got '{self.classes}'."
                f"{suggest(self.classes, _CLASSES)}"
            )


READINGS: dict[str, Reading] = {
    "strict": Reading("strict"),
    "literal": Reading("literal", classes="all", absent=1.0),
    "mhp": Reading("mhp", background=True),
}


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
    iou = overlap.part_iou()[:, :, ids]
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
