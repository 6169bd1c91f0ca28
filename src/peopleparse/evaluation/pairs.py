"""Truth and prediction of one image, in whatever form their files have, to one tally."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.image_labels import ImageLabels, RegionMap
from peopleparse.errors import InputError
from peopleparse.labels import Scheme
from peopleparse.metrics.overlap import Persons, person_order
from peopleparse.metrics.regions import Regions, count_regions
from peopleparse.metrics.tally import Tally, flatten_persons, make_tally


def tally_pair(
    image_id: str, truth: ImageLabels, prediction: ImageLabels | None, scheme: Scheme
) -> Tally:
    """Count one image.

    Persons are counted where both sides have them. Regions that both sides give are counted as
    they are; where only the prediction has a map of them, the truth's are its persons' parts.

    Args:
        image_id: name of the image.
        truth, prediction: its labels; None where the system gave nothing.
        scheme: labels of both.

    Raises:
        InputError: sizes, labels or scores disagree with each other or the scheme.
    """
    persons, parsing = truth.persons, truth.parsing
    if parsing is None and persons is None and truth.regions is not None:
        parsing = _paint(truth.regions)
    found = flat = scores = None
    if prediction is not None:
        found, flat, scores = prediction.persons, prediction.parsing, prediction.scores
        if flat is None and found is None and prediction.regions is not None:
            flat = _paint(prediction.regions)
        if found is None and persons is not None:  # label maps only
            if parsing is None:
                parsing = flatten_persons(persons, person_order(persons), scheme.ignore_id)
            persons = None
        if persons is None and found is not None:
            flat = _flatten(found, scores) if flat is None else flat
            found = scores = None
    return make_tally(
        image_id,
        persons,
        found,
        scores,
        num_ids=scheme.num_ids,
        ignore_id=scheme.ignore_id,
        truth_parsing=parsing,
        parsing=flat,
        regions=_regions(image_id, truth, prediction, scheme),
    )


def flat_labels(labels: ImageLabels, scheme: Scheme) -> NDArray[np.uint8]:
    """Return (H, W) labels of the whole image; higher scores, then persons further left, go first.

    Raises:
        InputError: there is no map at all.
    """
    if labels.parsing is not None:
        return labels.parsing
    if labels.persons is None and labels.regions is not None:
        return _paint(labels.regions)
    if labels.persons is None:
        raise InputError("labels must hold a map, got none. Read them from a label source.")
    if labels.scores is None:
        return flatten_persons(labels.persons, person_order(labels.persons), scheme.ignore_id)
    return _flatten(labels.persons, labels.scores)


def _flatten(persons: Persons, scores: NDArray[np.float64] | None) -> NDArray[np.uint8]:
    """Return labels of the image; the higher score wins, then the left person."""
    order = person_order(persons)
    if scores is not None and len(order) == len(scores):
        order = order[np.argsort(-scores[order], kind="stable")]
    return flatten_persons(persons, order, None)


def _paint(regions: RegionMap) -> NDArray[np.uint8]:
    return np.concatenate([[0], regions.label_ids]).astype(np.uint8)[regions.numbers]


def _regions(
    image_id: str, truth: ImageLabels, prediction: ImageLabels | None, scheme: Scheme
) -> Regions | None:
    where = f"image '{image_id}'"
    if prediction is None:
        first = truth.regions
        second = None if first is None else _no_regions(first)
    else:
        second = prediction.regions
        first = truth.regions if second is None else _truth_regions(truth, scheme)
    if first is None or second is None:
        return None
    return count_regions(
        first.numbers, first.label_ids, second.numbers, second.label_ids, second.scores, where
    )


def _no_regions(truth: RegionMap) -> RegionMap:
    return RegionMap(np.zeros_like(truth.numbers), np.zeros(0, np.intp), None)


def _truth_regions(truth: ImageLabels, scheme: Scheme) -> RegionMap | None:
    """Return the truth's regions: its own, or its persons' parts, the left person in front."""
    if truth.regions is not None or truth.persons is None:
        return truth.regions
    persons = truth.persons
    if isinstance(persons, tuple):
        parsing, owners = persons[0], persons[1].astype(np.int64)
    else:
        owners = np.zeros(persons.shape[1:], np.int64)
        for index in reversed(person_order(persons)):
            owners[(persons[index] > 0) & (persons[index] != scheme.ignore_id)] = index + 1
        parsing = np.concatenate([np.zeros_like(owners)[None], persons])[
            owners, *np.indices(owners.shape, sparse=True)
        ].astype(np.uint8)
    labelled = (owners > 0) & (parsing > 0) & (parsing != scheme.ignore_id)
    keys = np.where(labelled, owners * 256 + parsing, 0)
    units, numbers = np.unique(np.append(keys.ravel(), 0), return_inverse=True)
    return RegionMap(numbers[:-1].reshape(keys.shape), (units[1:] % 256).astype(np.intp), None)
