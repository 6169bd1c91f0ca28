"""Scores of groups of images and of persons, by the names that a user gives the groupings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from peopleparse.errors import InputError, suggest
from peopleparse.evaluation.headlines import headline_values
from peopleparse.evaluation.modes import make_metrics
from peopleparse.evaluation.scorecard import Scorecard
from peopleparse.evaluation.shards import SystemTallies
from peopleparse.metrics.factors import (
    Factor,
    label_factors,
    person_count_factor,
    person_factors,
    person_label_factors,
    subset_factor,
)
from peopleparse.metrics.groups import score_groups

_OF_LABELS = ("body", "head", "face")
GROUPINGS = ("count", "size", "height", "truncation", "overlap", "subset", *_OF_LABELS)


def check_groupings(names: Sequence[str]) -> tuple[str, ...]:
    """Return the groupings, each once.

    Raises:
        InputError: one is unknown.
    """
    for name in names:
        if name not in GROUPINGS:
            raise InputError(
                f"groups must be by known names, got '{name}'.{suggest(name, GROUPINGS)}"
            )
    return tuple(dict.fromkeys(names))


def group_scores(
    system: SystemTallies, card: Scorecard, by: Sequence[str], subset_of: Mapping[str, str]
) -> dict[str, Any]:
    """Return the headlines of each group of each grouping, as JSON holds them.

    Args:
        system: the tallies.
        card: the scores of all images; groups have the same ones, pixels in groups of images only.
        by: names of GROUPINGS.
        subset_of: name of each image's sub-data set, "" where there is none.

    Raises:
        InputError: a grouping needs persons, labels or sub-data sets that are not there.
    """
    if not by:
        return {}
    factors = {name: _make_factor(name, card, subset_of) for name in by}
    names = tuple(card.metrics)
    found = score_groups(
        system.tallies(),
        tuple(factors.values()),
        lambda: make_metrics(card.labels, card.mode, names),
    )
    report: dict[str, Any] = {}
    for name, factor in factors.items():
        report[name] = {}
        for group, result in found[factor.name].items():
            scores = {key: score.to_dict() for key, score in result.scores.items()}
            report[name][group] = {
                "images": result.images,
                "persons": result.persons,
                "predictions": result.predictions,
                "scores": headline_values(scores),
            }
    return report


def _make_factor(name: str, card: Scorecard, subset_of: Mapping[str, str]) -> Factor:
    if name == "count":
        return person_count_factor()
    if name == "subset":
        if not any(subset_of.values()):
            raise InputError(
                "truth must name a sub-data set for groups by subset, got none in any image. "
                "Only files in the GPS form do."
            )
        return subset_factor({image_id: value or "none" for image_id, value in subset_of.items()})
    choices: Sequence[Factor] = person_factors()
    if name in _OF_LABELS:
        made = person_label_factors if card.persons else label_factors
        choices = made(card.labels.names)
    known = {factor.name.removeprefix("person "): factor for factor in choices}
    if name not in known:
        raise InputError(
            f"scheme must have labels for groups by {name}, got none of them. Group by another."
        )
    return known[name]
