"""Predictions with known faults: the truth of a frame, made as wrong as a network would.

Labels flicker along borders, whole parts take another label, boxes are cut or widened, persons are
missed, and some have a low score: each fault by its own share of frames, the same for a seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.structures import ParsedPeople


@dataclass(frozen=True)
class Noise:
    """How wrong predictions are.

    Attributes:
        border: share of pixels near a border of two labels that take the label beyond it.
        swap: share of parts that take another label of the same person, in one frame.
        missed: share of persons who are not found, in one frame.
        cut: share of persons of whom a side is cut off, in one frame.
        faint: share of persons with a low score, in one frame.
    """

    border: float = 0.35
    swap: float = 0.06
    missed: float = 0.05
    cut: float = 0.15
    faint: float = 0.1


def make_noisy(truth: ParsedPeople, rng: np.random.Generator, noise: Noise) -> ParsedPeople:
    """Return a prediction of a frame with the faults of a network."""
    parsing, instances = truth.parsing.copy(), truth.instances.copy()
    _blur_borders(parsing, instances, rng, noise.border)
    scores = []
    for person in truth.people:
        own = instances == person.index
        labels = np.flatnonzero(np.bincount(parsing[own], minlength=256))
        for label in labels:
            if len(labels) > 1 and rng.random() < noise.swap:
                other = int(rng.choice(labels[labels != label]))
                parsing[own & (parsing == label)] = other
        if rng.random() < noise.cut:
            _cut_side(parsing, instances, person.index, person.box, rng)
        if rng.random() < noise.missed:
            instances[own], parsing[own] = 0, 0
        scores.append(rng.uniform(0.1, 0.28) if rng.random() < noise.faint else rng.uniform(0.4, 1))
    confidence = _confidence(parsing)
    return ParsedPeople.from_maps(
        parsing, instances, scores=scores, image=truth.image, confidence=confidence
    )


def _blur_borders(
    parsing: NDArray[np.uint8],
    instances: NDArray[np.uint16],
    rng: np.random.Generator,
    share: float,
) -> None:
    """Take the maps from a place some pixels off, in patches: borders wobble."""
    height, width = parsing.shape
    shift = rng.standard_normal((2, height // 8 + 1, width // 8 + 1)).astype(np.float32)
    field = [
        np.asarray(cv2.resize(s, (width, height), interpolation=cv2.INTER_CUBIC)) for s in shift
    ]
    rows, columns = np.indices(parsing.shape)
    far = 4 * share
    ys = np.clip(np.round(rows + far * field[0]), 0, height - 1).astype(int)
    xs = np.clip(np.round(columns + far * field[1]), 0, width - 1).astype(int)
    parsing[:], instances[:] = parsing[ys, xs], instances[ys, xs]


def _cut_side(
    parsing: NDArray[np.uint8],
    instances: NDArray[np.uint16],
    index: int,
    box: NDArray[np.float32],
    rng: np.random.Generator,
) -> None:
    x1, y1, x2, y2 = (int(v) for v in box)
    depth = rng.uniform(0.05, 0.2)
    side = int(rng.integers(4))
    wide, tall = round((x2 - x1) * depth), round((y2 - y1) * depth)
    window = (
        np.s_[y1 : y1 + tall, x1:x2],
        np.s_[y2 - tall : y2, x1:x2],
        np.s_[y1:y2, x1 : x1 + wide],
        np.s_[y1:y2, x2 - wide : x2],
    )[side]
    gone = instances[window] == index
    instances[window][gone], parsing[window][gone] = 0, 0


def _confidence(parsing: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a confidence that falls towards the outline, as the pipeline's does."""
    inside = cv2.distanceTransform((parsing > 0).astype(np.uint8), cv2.DIST_L2, 3)
    return np.where(parsing > 0, np.clip(140 + 20 * np.asarray(inside), 0, 255), 0).astype(np.uint8)
