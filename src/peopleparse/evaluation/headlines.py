"""The one number that each score is quoted by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Where a headline stands in the scores of a system; a number is a threshold.
_PLACES: dict[str, tuple[str | float, ...]] = {
    "mean_iou": ("pixels", "mean_iou"),
    "overall_accuracy": ("pixels", "overall_accuracy"),
    "mean_accuracy": ("pixels", "mean_accuracy"),
    "frequency_weighted_iou": ("pixels", "frequency_weighted_iou"),
    "ap_lambda_strict": ("ap_lambda", "readings", "strict", "average"),
    "ap_lambda_literal": ("ap_lambda", "readings", "literal", "average"),
    "ap_lambda_mhp": ("ap_lambda", "readings", "mhp", "average"),
    "ap_p_50": ("ap_p", "ap", 0.5),
    "ap_p_vol": ("ap_p", "average"),
    "pcp_50": ("ap_p", "pcp", 0.5),
    "ap_r_50": ("ap_r", "ap", 0.5),
    "ap_r_vol": ("ap_r", "average"),
    "ap_h_vol": ("ap_h", "average"),
    "person_mask_ap": ("person_mask", "average"),
    "person_mask_ap_50": ("person_mask", "ap", 0.5),
    "person_box_ap": ("person_box", "average"),
    "pq": ("panoptic", "pq"),
}
HEADLINES = tuple(_PLACES)


def score_of(headline: str) -> str:
    """Return the score that a headline is of.

    >>> score_of("ap_lambda_strict")
    'ap_lambda'
    """
    return str(_PLACES[headline][0])


def headline_values(scores: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the headlines that a system's scores hold; None where there was nothing to score.

    >>> person = {"thresholds": [0.5, 0.75], "ap": [0.5, 0.25], "average": 0.375}
    >>> headline_values({"person_mask": person})
    {'person_mask_ap': 0.375, 'person_mask_ap_50': 0.5}
    """
    found = {}
    for key, (score, *path) in _PLACES.items():
        value: Any = scores.get(str(score))
        thresholds = (value or {}).get("thresholds", [])
        for step in path:
            if isinstance(step, float):
                places = [k for k, t in enumerate(thresholds) if abs(t - step) < 1e-9]
                value = value[places[0]] if value is not None and places else _NOTHING
            else:
                value = value.get(step, _NOTHING) if isinstance(value, Mapping) else _NOTHING
        if value is not _NOTHING:
            found[key] = value
    return found


_NOTHING = object()
