"""The parts of an evaluation that every report shows, in reading order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peopleparse.errors import InputError
from peopleparse.evaluation.headlines import HEADLINES, headline_values
from peopleparse.evaluation.report_words import SCORES, title_of
from peopleparse.labels import get_scheme, scheme_names
from peopleparse.viz.palette import PERSON_COLORS

DEFINITION = "evaluation/1"
_COUNTS = ("thresholds", "matched", "wrong", "missed")
_AVERAGES = {"ap": "average", "pcp": "pcp_average"}
_FATES = {
    "truth": "Truth persons",
    "prediction": "Predicted persons",
    "truth_parts": "Parts of truth persons",
    "predicted_parts": "Predicted parts",
    "pixels": "Labelled pixels of truth persons",
}

Counts = list[tuple[str, int]]


@dataclass(frozen=True)
class ThresholdRow:
    """One score at each of its thresholds.

    Attributes:
        score: key of the score, such as "ap_lambda".
        reading: the reading, "pcp" or "recall"; "" for plain AP.
        thresholds, values: one value a threshold, None where there was nothing to score.
        average: mean over thresholds as the metric gave it, or None.
    """

    score: str
    reading: str
    thresholds: tuple[float, ...]
    values: tuple[float | None, ...]
    average: float | None

    @property
    def title(self) -> str:
        """The row's name."""
        score = title_of(self.score)
        if self.reading in ("pcp", "recall"):
            return "PCP" if self.reading == "pcp" else f"{score.removesuffix(' AP')} recall"
        return f"{score} {self.reading}".rstrip()


def check_report(report: Mapping[str, Any]) -> None:
    """Raise unless the mapping is an evaluation of the definition that the reports read.

    Raises:
        InputError: it is something else.
    """
    found = report.get("definition")
    if found != DEFINITION:
        raise InputError(
            f"report must be an evaluation with definition '{DEFINITION}', got {found!r}. "
            "Give what `peopleparse evaluate` wrote."
        )


def headline(system: Mapping[str, Any], key: str) -> float | None:
    """Return a headline score of a system, or None where it has none."""
    interval = system.get("intervals", {}).get(key)
    if interval is not None:
        found: float | None = interval.get("value")
        return found
    return headline_values(system.get("scores", {})).get(key)


def half_width(system: Mapping[str, Any], key: str) -> float | None:
    """Return half the width of a score's interval, or None where there is none."""
    interval = system.get("intervals", {}).get(key) or {}
    low, high = interval.get("low"), interval.get("high")
    return None if low is None or high is None else (high - low) / 2


def headline_keys(report: Mapping[str, Any]) -> list[str]:
    """Return the headline keys that some system has, in reading order."""
    systems = report.get("systems", [])
    known: dict[str, None] = {}
    for system in systems:
        known |= dict.fromkeys(headline_values(system.get("scores", {})))
        known |= dict.fromkeys(system.get("intervals", {}))
    return [key for key in HEADLINES if key in known] + [k for k in known if k not in HEADLINES]


def threshold_rows(system: Mapping[str, Any]) -> list[ThresholdRow]:
    """Return every score of a system that is given at thresholds."""
    rows = []
    for score in SCORES:
        given = system.get("scores", {}).get(score) or {}
        thresholds = tuple(given.get("thresholds", ()))
        parts = given["readings"] if isinstance(given.get("readings"), dict) else {"": given}
        for reading, values in parts.items():
            for key, found in values.items():
                if key not in _COUNTS and thresholds and _is_row(found, len(thresholds)):
                    name = reading if key == "ap" else f"{reading} {key}".strip()
                    average = values.get(_AVERAGES.get(key, ""))
                    rows.append(ThresholdRow(score, name, thresholds, tuple(found), average))
    return rows


def _is_row(found: object, length: int) -> bool:
    return (
        isinstance(found, Sequence)
        and not isinstance(found, str)
        and len(found) == length
        and all(value is None or isinstance(value, float) for value in found)
    )


def label_ious(report: Mapping[str, Any]) -> list[tuple[int, str, list[float | None]]]:
    """Return (id, name, IoU of each system) of each label that has a name."""
    systems = report.get("systems", [])
    columns = [(s.get("scores", {}).get("pixels") or {}).get("iou") for s in systems]
    if not any(columns):
        return []
    return [
        (n, name, [column[n] if column and n < len(column) else None for column in columns])
        for n, name in enumerate(report.get("labels", []))
        if name
    ]


def label_scores(system: Mapping[str, Any]) -> dict[str, dict[int, float | None]]:
    """Return AP^r (mean over thresholds) and PQ of each label id, by score."""
    found = {}
    for score, key in (("ap_r", "average"), ("panoptic", "pq")):
        labels = (system.get("scores", {}).get(score) or {}).get("labels") or {}
        values = {int(label): given.get(key) for label, given in labels.items()}
        if any(value is not None for value in values.values()):
            found[score] = values
    return found


def label_colors(report: Mapping[str, Any]) -> list[tuple[int, int, int]]:
    """Return one colour a label: those of the scheme, or a repeating set where it is unknown."""
    count = len(report.get("labels", []))
    if report.get("scheme") in scheme_names():
        palette = get_scheme(report["scheme"]).palette
        return [(int(r), int(g), int(b)) for r, g, b in palette[:count]]
    return [PERSON_COLORS[n % len(PERSON_COLORS)] for n in range(count)]


def failure_counts(system: Mapping[str, Any]) -> dict[str, Counts]:
    """Return what became of persons, parts and pixels, by what is counted.

    >>> failure_counts({"failures": {"truth": {"matched": 2, "bad_parts": 1}}})
    {'Truth persons': [('matched', 2), ('bad parts', 1)]}
    """
    failures = system.get("failures") or {}
    return {title: _named(failures[key]) for key, title in _FATES.items() if failures.get(key)}


def label_failures(system: Mapping[str, Any]) -> dict[int, tuple[Counts, Counts]]:
    """Return what became of the truth's and the predicted parts of each label id."""
    labels = (system.get("failures") or {}).get("labels") or {}
    return {
        int(label): (_named(counts["truth"]), _named(counts["prediction"]))
        for label, counts in labels.items()
    }


def _named(counts: Mapping[str, int]) -> Counts:
    return [(kind.replace("_", " "), count) for kind, count in counts.items()]
