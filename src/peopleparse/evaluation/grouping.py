"""Scores of groups of images and of persons, by the names that a user gives the groupings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, suggest
from peopleparse.evaluation.headlines import headline_values
from peopleparse.evaluation.modes import make_metrics
from peopleparse.evaluation.scorecard import Scorecard
from peopleparse.evaluation.shards import SystemTallies
from peopleparse.metrics.bootstrap import bootstrap_images, interval_of
from peopleparse.metrics.factors import (
    Factor,
    PersonFactor,
    label_factors,
    person_count_factor,
    person_factors,
    person_label_factors,
    subset_factor,
    tagged_factor,
)
from peopleparse.metrics.groups import score_groups, split_tally

_OF_LABELS = ("body", "head", "face")
# Of the shape of the truth, which tallies do not hold: groupings, and their groups.
OF_SHAPE = {"occlusion": ("occluded", "not occluded"), "view": ("front", "back", "unknown")}
GROUPINGS = ("count", "size", "height", "truncation", "overlap", "subset", *_OF_LABELS, *OF_SHAPE)
TagsOf = Mapping[str, Mapping[str, Sequence[str]]]


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
    system: SystemTallies,
    card: Scorecard,
    by: Sequence[str],
    subset_of: Mapping[str, str],
    tags_of: TagsOf | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the headlines of each group of each grouping, as JSON holds them.

    Args:
        system: the tallies.
        card: the scores of all images; groups have the same ones, pixels in groups of images only.
        by: names of GROUPINGS.
        subset_of: name of each image's sub-data set, "" where there is none.
        tags_of: for each grouping by shape, each image's persons' groups; see `evaluation.tags`.
        bootstrap: how often the images of a group are drawn again; 0 for no intervals.
        seed: of the draws.

    Raises:
        InputError: a grouping needs persons, labels or sub-data sets that are not there.
    """
    if not by:
        return {}
    factors = {name: _make_factor(name, card, subset_of, tags_of or {}) for name in by}
    names = tuple(card.metrics)
    found = score_groups(
        system.tallies(),
        tuple(factors.values()),
        lambda: make_metrics(card.labels, card.mode, names),
    )
    report: dict[str, Any] = {}
    for name, factor in factors.items():
        report[name] = {}
        drawn = _draw_groups(system, card, factor, bootstrap, seed) if bootstrap else {}
        for group, result in found[factor.name].items():
            scores = {key: score.to_dict() for key, score in result.scores.items()}
            report[name][group] = {
                "images": result.images,
                "persons": result.persons,
                "predictions": result.predictions,
                "scores": headline_values(scores),
            }
            if group in drawn:
                values = report[name][group]["scores"]
                report[name][group]["intervals"] = {
                    key: interval_of(found, values[key]).to_dict()
                    for key, found in drawn[group].items()
                    if values.get(key) is not None
                }
    return report


def _draw_groups(
    system: SystemTallies, card: Scorecard, factor: Factor, bootstrap: int, seed: int
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return the values of each headline of each group over draws of the group's images."""
    names = [n for n in card.metrics if n != "pixels" or not isinstance(factor, PersonFactor)]
    cards: dict[str, Scorecard] = {}
    counts: dict[str, list[NDArray[np.int64]]] = {}
    for tally in system.tallies():
        for group, part in split_tally(tally, factor).items():
            if group not in cards:
                cards[group], counts[group] = Scorecard(card.labels, card.mode, names), []
            for metric in cards[group].metrics.values():
                metric.add(part)
            counts[group].append(part.confusion)
    return {
        group: mine.draw(counts[group], bootstrap_images(len(counts[group]), bootstrap, seed))
        for group, mine in cards.items()
    }


def _make_factor(
    name: str, card: Scorecard, subset_of: Mapping[str, str], tags_of: TagsOf
) -> Factor:
    if name == "count":
        return person_count_factor()
    if name == "subset":
        if not any(subset_of.values()):
            raise InputError(
                "truth must name a sub-data set for groups by subset, got none in any image. "
                "Only files in the GPS form do."
            )
        return subset_factor({image_id: value or "none" for image_id, value in subset_of.items()})
    if name in OF_SHAPE:
        if name not in tags_of:
            raise InputError(
                f"truth must be there for groups by {name}, got tallies alone. Score the files."
            )
        return tagged_factor(tags_of[name], name, OF_SHAPE[name], card.persons)
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
