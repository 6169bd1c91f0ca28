"""Small random group scenes: persons as label maps, some ignored pixels, spoilt predictions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st


class Scene(NamedTuple):
    truth: np.ndarray  # (T, H, W) uint8, 255 ignored
    preds: np.ndarray  # (P, H, W) uint8, may overlap
    scores: np.ndarray  # (P,)


def make_person(rng: np.random.Generator, size: tuple[int, int], num_ids: int) -> np.ndarray:
    height, width = size
    y1, x1 = rng.integers(0, height), rng.integers(0, width)
    y2, x2 = rng.integers(y1, height) + 1, rng.integers(x1, width) + 1
    person = np.zeros(size, np.uint8)
    labels = rng.integers(0, num_ids, 3)  # few labels, so that some agree
    person[y1:y2, x1:x2] = rng.choice(labels, (y2 - y1, x2 - x1))
    return person


def make_scene(seed: int, persons: int = 4, num_ids: int = 6, ties: bool = True) -> Scene:
    """Predictions are spoilt copies of truth persons, some of them twice, and inventions."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 7)), int(rng.integers(1, 9))
    truth = [make_person(rng, size, num_ids) for _ in range(rng.integers(0, persons + 1))]
    preds = []
    for person in truth:
        for _ in range(rng.integers(0, 3)):
            copy = person.copy()
            copy[rng.random(size) < rng.choice([0, 0.1, 0.4])] = rng.integers(0, num_ids)
            preds.append(copy)
    preds += [make_person(rng, size, num_ids) for _ in range(rng.integers(0, 3))]
    truth = [np.where(rng.random(size) < 0.05, 255, t).astype(np.uint8) for t in truth]
    scores = rng.choice([0.25, 0.5, 0.75], len(preds)) if ties else rng.permutation(len(preds))
    empty = np.zeros((0, *size), np.uint8)
    return Scene(
        np.stack(truth) if truth else empty,
        np.stack(preds) if preds else empty,
        np.asarray(scores, np.float64),
    )


def make_set(seed: int, images: int = 4, **options: int | bool) -> dict[str, Scene]:
    return {f"image{i}": make_scene(seed + i, **options) for i in range(images)}  # type: ignore[arg-type]


def flatten(persons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (parsing, instances): where persons overlap, the first one wins."""
    parsing = np.zeros(persons.shape[1:], np.uint8)
    instances = np.zeros(persons.shape[1:], np.uint16)
    for number in range(len(persons), 0, -1):
        mask = persons[number - 1] > 0
        parsing[mask], instances[mask] = persons[number - 1][mask], number
    return parsing, instances


def unflatten(parsing: np.ndarray, instances: np.ndarray, count: int) -> np.ndarray:
    numbers = np.arange(1, count + 1)[:, None, None]
    return np.where(instances == numbers, parsing, 0).astype(np.uint8)


seeds = st.integers(0, 2**31)
