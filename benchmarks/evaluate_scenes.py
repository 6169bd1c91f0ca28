"""The scenes of benchmarks/evaluate.py: drawn people as truth, spoilt copies as predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.viz import draw_scene

HEIGHT, WIDTH = 480, 640
TRUTH, PREDICTIONS = 5, 8
NUM_IDS = 20
Maps = NDArray[np.uint8]
Pair = tuple[Maps, NDArray[np.uint16]]


@dataclass(frozen=True, eq=False)
class EvaluateScene:
    """One image in both forms.

    Attributes:
        truth: (5, H, W) one label map a person; they do not overlap.
        predictions: (8, H, W) one label map a person; they overlap.
        scores: (8,), different from each other.
        truth_pair, prediction_pair: the same as (parsing, instances); where predictions overlap
            the higher score wins.
    """

    truth: Maps
    predictions: Maps
    scores: NDArray[np.float64]
    truth_pair: Pair
    prediction_pair: Pair


def make_scene(seed: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> EvaluateScene:
    """Draw one image with its truth and its predictions.

    The first predictions are shifted copies of each truth person with a part or two mislabelled
    and ragged edges; the rest find a person a second time, one of them together with half of its
    neighbour.
    """
    rng = np.random.default_rng(seed)
    drawn = draw_scene(TRUTH, size, seed)
    truth = np.stack([person.parsing for person in drawn.people])
    predictions = np.stack([_spoil(truth, n, rng) for n in range(PREDICTIONS)])
    scores = np.round(rng.permutation(PREDICTIONS) / PREDICTIONS + 0.1, 3)
    order = np.argsort(-scores)
    return EvaluateScene(
        truth, predictions, scores, flatten(truth, np.arange(TRUTH)), flatten(predictions, order)
    )


def make_single(seed: int, size: tuple[int, int]) -> tuple[Maps, Maps]:
    """Draw the label map of one person, and a prediction of it."""
    truth = np.stack([draw_scene(1, size, seed).people[0].parsing])
    return truth[0], _spoil(truth, 0, np.random.default_rng(seed))


def flatten(persons: Maps, order: NDArray[Any]) -> Pair:
    """Return (parsing, instances); where persons overlap, the earlier in `order` wins."""
    parsing = np.zeros(persons.shape[1:], np.uint8)
    instances = np.zeros(persons.shape[1:], np.uint16)
    for index in order[::-1]:
        mask = persons[index] > 0
        parsing[mask], instances[mask] = persons[index][mask], index + 1
    return parsing, instances


def _spoil(truth: Maps, number: int, rng: np.random.Generator) -> Maps:
    person = truth[number % len(truth)].copy()
    if number == len(truth):  # a person and half of the next one as one
        other = truth[(number + 1) % len(truth)].copy()
        other[other.shape[0] // 2 :] = 0
        person = np.where(person > 0, person, other)
    reach = 4 if number < len(truth) else 16
    person = _shift(person, *rng.integers(-reach, reach + 1, 2).tolist())
    for label in rng.choice(NUM_IDS - 1, 2, replace=False) + 1:
        person[person == label] = rng.integers(1, NUM_IDS)
    # Each row moves by at most one pixel: edges are as ragged as those of a network's argmax.
    columns = np.arange(person.shape[1]) + rng.integers(-1, 2, len(person))[:, None]
    return np.take_along_axis(person, np.clip(columns, 0, person.shape[1] - 1), 1)


def _shift(person: Maps, down: int, right: int) -> Maps:
    """Move a map; what leaves the image is gone."""
    height, width = person.shape
    moved = np.zeros_like(person)
    moved[max(down, 0) : height + down, max(right, 0) : width + right] = person[
        max(-down, 0) : height - down, max(-right, 0) : width - right
    ]
    return moved
