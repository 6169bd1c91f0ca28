"""How far the readings of one metric lie apart, and whether they rank systems differently."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, get_args

from peopleparse.errors import InputError
from peopleparse.metrics.ap_lambda import LambdaAP
from peopleparse.metrics.checks import DECIMALS, plain
from peopleparse.metrics.confusion import Absent, ConfusionMatrix

_ABSENT_WORDS = {"skip": "is left out", "zero": "counts 0", "one": "counts 1"}


@dataclass(frozen=True)
class SpreadReading:
    """The value of every system in one reading; NaN where it has none."""

    name: str
    description: str
    values: dict[str, float]


@dataclass(frozen=True)
class Pair:
    """Two systems, and the readings in which the first is ahead, the second is, or neither."""

    first: str
    second: str
    first_ahead: tuple[str, ...]
    second_ahead: tuple[str, ...]
    equal: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether each of the two is ahead in some reading."""
        return bool(self.first_ahead and self.second_ahead)


@dataclass(frozen=True)
class Spread:
    """Every reading of one metric side by side.

    Attributes:
        metric: name of the metric.
        readings: the values, one reading after the other.
        range: highest less lowest value of each system; NaN where it has no value.
        pairs: every two systems, compared in the readings where both have a value.
        ranking_changes: whether some two systems change places between two readings. That two
            are equal in one reading and not in another is no change.
    """

    metric: str
    readings: tuple[SpreadReading, ...]
    range: dict[str, float]
    pairs: tuple[Pair, ...]
    ranking_changes: bool

    @property
    def flips(self) -> tuple[Pair, ...]:
        """The pairs that change places."""
        return tuple(pair for pair in self.pairs if pair.changes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None; only pairs that change are listed."""
        return {
            "definition": "spread/1",
            "metric": self.metric,
            "readings": [plain(vars(reading)) for reading in self.readings],
            "range": plain(self.range),
            "ranking_changes": self.ranking_changes,
            "flips": [plain(vars(pair)) for pair in self.flips],
        }


def make_spread(
    metric: str,
    values: Mapping[str, Mapping[str, float]],
    descriptions: Mapping[str, str] | None = None,
) -> Spread:
    """Put the readings of any metric side by side.

    Values equal to 12 decimals are equal.

    Args:
        metric: name of the metric.
        values: one mapping a reading: its value for every system.
        descriptions: what a reading does, in one line, by name.

    Raises:
        InputError: there is no reading or no system, or the readings name different systems.

    >>> spread = make_spread("ap", {"strict": {"a": 0.5, "b": 0.25}, "mhp": {"a": 0.5, "b": 0.75}})
    >>> spread.range, spread.ranking_changes
    ({'a': 0.0, 'b': 0.5}, True)
    >>> [(pair.first_ahead, pair.second_ahead) for pair in spread.flips]
    [(('strict',), ('mhp',))]
    """
    systems = list(next(iter(values.values()), {}))
    if not systems or any(set(row) != set(systems) for row in values.values()):
        named = {name: sorted(row) for name, row in values.items()}
        raise InputError(
            f"values must be one number for every system in every reading, got {named}. "
            "Score all systems in the same readings."
        )
    texts = descriptions or {}
    readings = tuple(
        SpreadReading(name, texts.get(name, ""), {system: float(row[system]) for system in systems})
        for name, row in values.items()
    )
    pairs = tuple(_compare(readings, *two) for two in combinations(systems, 2))
    return Spread(
        metric=metric,
        readings=readings,
        range={system: _range(readings, system) for system in systems},
        pairs=pairs,
        ranking_changes=any(pair.changes for pair in pairs),
    )


def spread_of_readings(metrics: Mapping[str, LambdaAP]) -> Spread:
    """Put the average AP of each reading side by side, for one or more systems.

    Args:
        metrics: the metric of each system, all made with the same arguments; give them
            `readings=READINGS` to see every reading.

    Raises:
        InputError: there is no system, or their settings differ.
    """
    settings = {
        (m.num_ids, m.ignore_id, m.label_ids, m.readings, m.thresholds, m.integration)
        for m in metrics.values()
    }
    if len(settings) != 1:
        raise InputError(
            f"metrics must be one LambdaAP a system with equal settings, got {len(settings)} "
            f"different settings of {len(metrics)} systems. Make all with the same arguments."
        )
    readings = next(iter(metrics.values())).readings
    results = {system: metric.compute().readings for system, metric in metrics.items()}
    values = {r.name: {s: found[r.name].average for s, found in results.items()} for r in readings}
    return make_spread("ap_lambda", values, {r.name: r.description for r in readings})


def spread_of_pixels(matrices: Mapping[str, ConfusionMatrix]) -> Spread:
    """Put mean IoU side by side under each rule for absent classes, with and without background.

    Without background the mean leaves out the IoU of label 0; its pixels still count where they
    are taken for a part or a part for them.

    Args:
        matrices: the confusion matrix of each system, all of one scheme.

    Raises:
        InputError: there is no system, or the number of labels differs.
    """
    sizes = {matrix.num_ids for matrix in matrices.values()}
    if len(sizes) != 1:
        raise InputError(
            f"matrices must be one ConfusionMatrix a system with equal num_ids, got "
            f"{sorted(sizes)}. Score all systems with one scheme."
        )
    values: dict[str, dict[str, float]] = {}
    texts = {}
    for rule in get_args(Absent):
        found = {system: matrix.compute(rule) for system, matrix in matrices.items()}
        text = f"a class without a pixel {_ABSENT_WORDS[rule]}"
        values[rule] = {system: scores.mean_iou for system, scores in found.items()}
        without = f"{rule}-no-background"
        values[without] = {system: _mean(scores.iou[1:]) for system, scores in found.items()}
        texts[rule], texts[without] = text, f"{text}; without the background class"
    return make_spread("mean_iou", values, texts)


def _compare(readings: tuple[SpreadReading, ...], first: str, second: str) -> Pair:
    ahead: dict[int, list[str]] = {-1: [], 0: [], 1: []}
    for reading in readings:
        difference = round(reading.values[first] - reading.values[second], DECIMALS)
        if not math.isnan(difference):
            ahead[(difference > 0) - (difference < 0)].append(reading.name)
    return Pair(first, second, tuple(ahead[1]), tuple(ahead[-1]), tuple(ahead[0]))


def _range(readings: tuple[SpreadReading, ...], system: str) -> float:
    values = [reading.values[system] for reading in readings]
    kept = [value for value in values if not math.isnan(value)]
    return max(kept) - min(kept) if kept else math.nan


def _mean(values: tuple[float, ...]) -> float:
    kept = [value for value in values if not math.isnan(value)]
    return math.fsum(kept) / len(kept) if kept else math.nan
