"""Scores of groups of images and of groups of persons, from the same tallies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.checks import check_new
from peopleparse.metrics.confusion import ConfusionMatrix
from peopleparse.metrics.factors import (
    Factor,
    ImageFactor,
    PersonFactor,
    predicted_people,
    truth_people,
)
from peopleparse.metrics.matching import best_truth
from peopleparse.metrics.tally import Tally


class Metric(Protocol):
    """What every metric of tallies can do."""

    def add(self, tally: Tally) -> None:
        """Add one image."""

    def merge(self, other: Any) -> None:
        """Add the images of another shard."""

    def compute(self) -> Any:
        """Return the scores, which have `to_dict`."""


@dataclass(frozen=True)
class GroupScores:
    """One group of one factor.

    Attributes:
        images: images with anything in the group.
        persons: truth persons with a labelled pixel; 0 where persons are not annotated.
        predictions: predicted persons.
        scores: what each metric computed, by its name.
    """

    images: int
    persons: int
    predictions: int
    scores: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "images": self.images,
            "persons": self.persons,
            "predictions": self.predictions,
            "scores": {name: score.to_dict() for name, score in self.scores.items()},
        }


class _Group:
    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self.metrics = metrics
        self.images = self.persons = self.predictions = 0

    def add(self, tally: Tally) -> None:
        for metric in self.metrics.values():
            metric.add(tally)
        self.images += 1
        if tally.overlap is not None:
            self.persons += int(tally.overlap.truth_areas[:, 1:].any(axis=1).sum())
            self.predictions += tally.overlap.num_pred

    def merge(self, other: _Group) -> None:
        for name, metric in self.metrics.items():
            metric.merge(other.metrics[name])
        self.images += other.images
        self.persons += other.persons
        self.predictions += other.predictions


class Groups:
    """Scores of every group of several factors, in one pass over the images.

    Definition: a group of images is scored as a set by itself. A group of persons has the truth
    persons of the group and the predictions that belong to one of them; see `split_tally`.
    Absent: a group without an image, or without a person on either side, is not listed. Pixel
    scores are not defined for groups of persons: a `ConfusionMatrix` is left out of them.

    >>> from peopleparse.metrics import ConfusionMatrix, make_tally
    >>> from peopleparse.metrics.factors import person_count_factor
    >>> groups = Groups([person_count_factor()], lambda: {"pixels": ConfusionMatrix(2)})
    >>> groups.add(make_tally("photo", [[[1, 0]], [[0, 1]]], [[[1, 1]]], num_ids=2))
    >>> found = groups.compute()["person count"]["2"]
    >>> found.images, found.persons, found.predictions, found.scores["pixels"].overall_accuracy
    (1, 2, 1, 1.0)
    """

    def __init__(
        self, factors: Sequence[Factor], make_metrics: Callable[[], Mapping[str, Metric]]
    ) -> None:
        """Choose factors and metrics.

        Args:
            factors: what to divide by, with different names.
            make_metrics: returns new metrics by name; called once a group.

        Raises:
            InputError: two factors have one name.
        """
        names = [factor.name for factor in factors]
        if len(set(names)) < len(names):
            raise InputError(
                f"factors must have different names, got {names}. Divide by each factor once."
            )
        self.factors, self.make_metrics = tuple(factors), make_metrics
        self._groups: dict[str, dict[str, _Group]] = {name: {} for name in names}
        self._images: dict[str, None] = {}

    def add(self, tally: Tally) -> None:
        """Add one image to its groups.

        Raises:
            InputError: the image is known, or a factor or a metric cannot take it.
        """
        check_new(tally.image_id, self._images)
        parts = [(factor, split_tally(tally, factor)) for factor in self.factors]
        for factor, split in parts:
            for name, part in split.items():
                self._group(factor, name).add(part)
        self._images[tally.image_id] = None

    def merge(self, other: Groups) -> None:
        """Add the images of another shard.

        Raises:
            InputError: the factors or metrics differ, or an image is in both.
        """
        mine, theirs = list(self._groups), list(other._groups)
        if mine != theirs:
            raise InputError(
                f"merged Groups must have equal factors {mine}, got {theirs}. "
                "Make all shards with the same arguments."
            )
        for image_id in other._images:
            check_new(image_id, self._images)
        for factor in self.factors:
            for name, group in other._groups[factor.name].items():
                self._group(factor, name).merge(group)
        self._images.update(other._images)

    def compute(self) -> dict[str, dict[str, GroupScores]]:
        """Return the scores by factor and group, groups in the order of their factor."""
        return {
            factor.name: {
                name: GroupScores(
                    images=group.images,
                    persons=group.persons,
                    predictions=group.predictions,
                    scores={key: metric.compute() for key, metric in group.metrics.items()},
                )
                for name, group in _in_order(factor, self._groups[factor.name])
            }
            for factor in self.factors
        }

    def _group(self, factor: Factor, name: str) -> _Group:
        groups = self._groups[factor.name]
        if name not in groups:
            metrics = dict(self.make_metrics())
            if isinstance(factor, PersonFactor):
                metrics = {k: m for k, m in metrics.items() if not isinstance(m, ConfusionMatrix)}
            groups[name] = _Group(metrics)
        return groups[name]


def score_groups(
    tallies: Iterable[Tally],
    factors: Sequence[Factor],
    make_metrics: Callable[[], Mapping[str, Metric]],
) -> dict[str, dict[str, GroupScores]]:
    """Return the scores of every group; see `Groups`. Tallies are gone through once.

    Raises:
        InputError: as `Groups` does.
    """
    groups = Groups(factors, make_metrics)
    for tally in tallies:
        groups.add(tally)
    return groups.compute()


def split_tally(tally: Tally, factor: Factor) -> dict[str, Tally]:
    """Divide what one image adds among the groups of a factor.

    An image factor gives the whole tally to one group. A person factor divides both sides: each
    truth person goes to its own group; each prediction to the group of the truth person with whom
    it has the highest mask IoU (of equal ones the leftmost), or, where it touches none, to the
    group that its own labels and box say. Every person is in one group, so that the counts of all
    groups sum to those of the image. A prediction is then judged by the truth of its group only.

    The tallies of person groups have a confusion matrix without labels, (0, 0), which no pixel
    score accepts, and no regions of their own: AP^r takes the parts of their persons.

    Raises:
        InputError: persons are not annotated, for a factor that needs them.
    """
    if isinstance(factor, ImageFactor):
        return {factor.tag(tally): tally}
    truth = factor.tag(truth_people(tally)) if len(tally.truth_boxes) else []
    own = factor.tag(predicted_people(tally)) if len(tally.pred_boxes) else []
    best, iou = best_truth(tally.persons().person_iou())
    pairs = zip(best, iou, own, strict=True)
    found = [truth[t] if value > 0 else mine for t, value, mine in pairs]
    names = dict.fromkeys([*truth, *found])
    return {name: _take(tally, _places(truth, name), _places(found, name)) for name in names}


def _take(tally: Tally, truth: NDArray[np.intp], pred: NDArray[np.intp]) -> Tally:
    return replace(
        tally,
        confusion=np.zeros((0, 0), np.int64),
        overlap=tally.persons().take(truth, pred),
        scores=None if tally.scores is None else tally.scores[pred],
        truth_boxes=tally.truth_boxes[truth],
        pred_boxes=tally.pred_boxes[pred],
        truth_order=tally.truth_order[truth],
        pred_order=tally.pred_order[pred],
        regions=None,
    )


def _places(groups: list[str], name: str) -> NDArray[np.intp]:
    return np.array([index for index, group in enumerate(groups) if group == name], np.intp)


def _in_order(factor: Factor, groups: dict[str, _Group]) -> list[tuple[str, _Group]]:
    order = {name: place for place, name in enumerate(factor.groups)}
    return sorted(groups.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))
