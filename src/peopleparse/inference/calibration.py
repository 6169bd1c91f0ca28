"""Scores that mean a probability."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_EDGE = 1e-6  # scores of 0 and 1 have no logit


@dataclass(frozen=True)
class Calibration:
    """What makes a network's person score the probability that the person is there as shown.

    probability = sigmoid(slope * logit(score) + offset). It never changes who ranks before whom.

    Attributes:
        slope: above 0; below 1 for a network that is too sure of itself.
        offset: the logit that a score of .5 becomes.

    Source: Platt, Probabilistic Outputs for Support Vector Machines, 1999.

    >>> round(Calibration(0.5, 1.0)(0.9), 3)
    0.891
    >>> Calibration()(0.9)
    0.9
    """

    slope: float = 1.0
    offset: float = 0.0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """Return what `to_dict` wrote.

        Raises:
            ValueError: a number is missing, no number, or the slope is not above 0.
        """
        try:
            found = cls(float(values["slope"]), float(values["offset"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"calibration {values!r}") from error
        if not (0 < found.slope < math.inf and math.isfinite(found.offset)):
            raise ValueError(f"calibration {dict(values)!r}")
        return found

    def to_dict(self) -> dict[str, float]:
        """Return plain values for JSON."""
        return asdict(self)

    def __call__(self, score: float) -> float:
        """Return the probability that a score from 0 to 1 stands for."""
        if self == NONE or not score:
            return score  # to the last bit; a score of 0 is a person without a pixel
        inside = min(max(score, _EDGE), 1 - _EDGE)
        return 1 / (1 + math.exp(-self.slope * math.log(inside / (1 - inside)) - self.offset))

    def inverse(self, probability: float) -> float:
        """Return the score, 0 to 1, that stands for a probability.

        >>> round(Calibration(0.5, 1.0).inverse(0.891), 2)
        0.9
        """
        if self == NONE or not 0 < probability < 1:
            return probability
        logit = (math.log(probability / (1 - probability)) - self.offset) / self.slope
        # Neither form overflows on its side of 0.
        return 1 / (1 + math.exp(-logit)) if logit > 0 else 1 - 1 / (1 + math.exp(logit))


NONE = Calibration()  # leaves scores as they are
