"""Where people stand in a scene: whole groups, and the frames in which life cuts people off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from peopleparse.data.scenes import ScenePreset

MOST_PERSONS = 10
MOST_IN_CROWD = 15
# What is left of a standing person, from the top of the head, in heights: cut at the knees, the
# hips, the chest. Somebody seated at a table or on a sofa is cut the same way.
CUTS = (0.74, 0.52, 0.34)
RANGE = 4.0  # the nearest person of a deep scene is so many times as tall as the farthest
_EYES = 0.1  # of the height, below the top of the head
BODY_WIDTH = 0.33  # of the height of a standing person with arms


@dataclass(frozen=True)
class Place:
    """Where someone stands: column of the middle, row of the feet, height, all in pixels."""

    x: float
    feet: float
    height: float


def draw_places(
    rng: np.random.Generator, preset: ScenePreset, width: int, height: int
) -> list[Place]:
    """Draw where people stand, far ones first."""
    count = int(np.clip(1 + rng.poisson(preset.drawn * preset.mean_persons - 1), 1, MOST_PERSONS))
    close = rng.random() < preset.closeness
    if close:  # a group from the waist or the knees up
        tall = height * np.exp(rng.uniform(np.log(1.05), np.log(2.2)))
        tall = min(tall, 2.4 * width / max(count, 2) ** 0.6)
        head_row = height * rng.uniform(0.03, 0.4)
        horizon = head_row + 0.1 * tall
    else:
        low, high = np.log(preset.tallest[0]), np.log(preset.tallest[1])
        tall = height * np.exp(rng.uniform(low, high))
        tall = min(tall, 3.2 * width / max(count, 2))
        head_row = (height - tall) * rng.uniform(0.1, 0.9)
        horizon = head_row + 0.1 * tall
    step = rng.uniform(*preset.crowding) * BODY_WIDTH * tall
    span = min(step * count, 1.05 * width)
    left = rng.uniform(0, width - span) if span < width else (width - span) / 2
    columns = left + span * (np.arange(count) + rng.uniform(0.1, 0.9, count)) / count
    places = []
    for x in columns:
        size = tall * np.exp(rng.normal(0, 0.13))
        if rng.random() < preset.far:
            size = max(preset.smallest, height * rng.uniform(0.08, 0.35))
            x = rng.uniform(0, width)
        # Eyes stand at the horizon whatever the distance; real heights differ a little.
        top = horizon - size * (0.1 + rng.normal(0, 0.03))
        if rng.random() < preset.head_missed:
            top = -size * rng.uniform(0.15, 0.3)
        places.append(Place(float(x), float(top + size), float(max(size, preset.smallest))))
    return sorted(places, key=lambda place: place.height)


def draw_cut_places(
    rng: np.random.Generator, width: int, height: int, smallest: float
) -> list[Place]:
    """Draw where people stand in a close group, a selfie, a deep scene or a crowd, far ones first.

    Args:
        rng: source of chance.
        width, height: frame in pixels.
        smallest: height in pixels below which nobody is put into a scene.
    """
    draws = (_close_group, _selfie, _deep_scene, _crowd)
    tops = draws[int(rng.choice(4, p=(0.4, 0.2, 0.2, 0.2)))](rng, width, height)
    sized = [(x, top, max(size, smallest)) for x, top, size in tops.tolist()]
    return [Place(x, top + size, size) for x, top, size in sorted(sized, key=lambda row: row[2])]


def _close_group(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float64]:
    """One to six people side by side, all cut at about the same place of the body."""
    count = int(rng.integers(1, 7))
    room = height * rng.uniform(0.04, 0.35)
    cut = CUTS[int(rng.choice(3, p=(0.35, 0.4, 0.25)))] * rng.uniform(0.9, 1.1)
    tall = min((height - room) / cut, 3.0 * width / count**0.8)
    cut = max(cut, min(0.65 * (height - room) / tall, 0.9))  # many are small: show more of each
    sizes = tall * np.exp(rng.normal(0, 0.07, count))
    # Some sit: their heads are lower, and the frame's lower edge cuts them higher up.
    seated = (rng.random(count) < 0.3) * rng.uniform(0.08, 0.2, count)
    tops = height - tall * cut + tall * (seated + rng.normal(0, 0.025, count))
    step = BODY_WIDTH * tall * rng.uniform(0.6, 1.2)
    return np.stack([_columns(rng, count, width, step), tops, sizes], axis=1)


def _selfie(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float64]:
    """One or two faces close to the camera, with head room, and up to six people behind them."""
    near = int(rng.integers(1, 3))
    tall = height * rng.uniform(1.7, 3.2)
    heads = rng.uniform(0.15, 0.85) * width + np.arange(near) * tall * rng.uniform(0.14, 0.24)
    front = [
        (x, height * rng.uniform(0.06, 0.4), tall * rng.uniform(0.9, 1.1)) for x in heads % width
    ]
    behind = int(rng.integers(0, 7))
    sizes = tall / np.exp(rng.uniform(np.log(1.5), np.log(1.5 * RANGE), behind))
    # An arm holds the camera at the height of the eyes or above them.
    horizon = height * rng.uniform(0.1, 0.45)
    tops = horizon - sizes * (_EYES + rng.normal(0, 0.04, behind))
    back = np.stack([rng.uniform(0, width, behind), tops, sizes], axis=1)
    return np.concatenate([np.array(front), back])


def _deep_scene(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float64]:
    """Three to nine people on one ground, the nearest at least four times as tall as the last."""
    count = int(rng.integers(3, 10))
    nearest = height * rng.uniform(0.75, 1.5)
    depth = rng.uniform(RANGE, 1.6 * RANGE)
    sizes = nearest / np.exp(
        np.append(rng.uniform(0, np.log(depth), count - 2), (0, np.log(depth)))
    )
    horizon = height * rng.uniform(0.12, 0.45)
    tops = horizon - sizes * (_EYES + rng.normal(0, 0.02, count))
    return np.stack([rng.uniform(0.02, 0.98, count) * width, tops, sizes], axis=1)


def _crowd(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float64]:
    """Eight to fifteen people in rows; those behind stand higher, or on steps."""
    count = int(rng.integers(8, MOST_IN_CROWD + 1))
    rows = int(rng.choice((1, 2, 3), p=(0.2, 0.4, 0.4)))
    tall = min(height * rng.uniform(0.5, 1.6), 6.0 * width * rows / count)
    top = rng.uniform(0.05, 0.45) * height + (rows - 1) * 0.1 * tall
    rise, shrink = rng.uniform(0.05, 0.14), rng.uniform(0.82, 0.97)
    people = []
    for row in range(rows):
        many = count // rows + (row < count % rows)
        size = tall * shrink**row
        xs = _columns(rng, many, width, width / many * rng.uniform(0.75, 1.0))
        sizes = size * np.exp(rng.normal(0, 0.06, many))
        tops = top - row * rise * tall + size * rng.normal(0, 0.03, many)
        people.append(np.stack([xs, tops, sizes], axis=1))
    return np.concatenate(people)


def _columns(rng: np.random.Generator, count: int, width: int, step: float) -> NDArray[np.float64]:
    """Return the middles of people side by side, somewhere across the frame."""
    span = min(step * count, 1.05 * width)
    left = rng.uniform(0, width - span) if span < width else (width - span) / 2
    return np.asarray(left + span * (np.arange(count) + rng.uniform(0.2, 0.8, count)) / count)
