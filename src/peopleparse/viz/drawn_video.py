"""A drawn group that walks: every pixel's part, person and movement are known in every frame.

For demonstrations, tests and benchmarks of video: people of different depth walk to and fro, cross
and hide each other, leave, and others come in; the camera may shake.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.structures import ParsedPeople
from peopleparse.viz.drawn_scene import _FINER, _draw_ground, _dress, _Figure

_MOST_PEOPLE = 8
_OUTSIDE = 0.12  # beyond the picture's side, in its widths: there nothing of a walker is seen
_STEPS = 1.1  # strides a second at walking speed
_MARGIN = 0.05  # of the ground beyond each side of the picture, for a camera that shakes


@dataclass(frozen=True, eq=False)
class DrawnFrame:
    """One frame and its truth.

    Attributes:
        people: the picture and its true maps.
        ids: who each person of `people` is, 1, 2, ... in order of entering; never used again.
        motion: (H, W, 2) float32, by how much what is seen in a pixel moved in x and y since the
            frame before; the swing of a leg is left out.
    """

    people: ParsedPeople
    ids: tuple[int, ...]
    motion: NDArray[np.float32]


@dataclass(frozen=True)
class _Walker:
    """Someone who walks straight through the picture, in shares of its width and height."""

    number: int
    start: float  # x at frame `enters`
    enters: int
    speed: float  # widths a frame, to the right
    feet: float
    tall: float

    def x(self, frame: int) -> float:
        return self.start + self.speed * (frame - self.enters)

    def gone(self, frame: int) -> bool:
        x = self.x(frame)
        return x < -_OUTSIDE if self.speed < 0 else x > 1 + _OUTSIDE


class _WalkingFigure(_Figure):
    """A standing figure whose legs swing: what lies lower moves more, left against right."""

    swing = 0.0
    order = 0  # what is written into the person map; `index` chooses the clothes

    def _targets(self, part: str, color: tuple[int, int, int]) -> list[tuple[Any, Any]]:
        return [*super()._targets(part, color)[:2], (self.instances, self.order)]

    def _at(self, x: float, y: float) -> tuple[int, int]:
        low = max(0.0, 0.5 - y)
        side = 1.0 if x > 0 else -1.0
        return super()._at(x + side * self.swing * low, y + abs(self.swing) * 0.06 * (low > 0.4))


def draw_video(
    count: int = 4,
    frames: int = 75,
    size: tuple[int, int] = (240, 320),
    seed: int = 0,
    shake: float = 1.0,
    fps: float = 25.0,
) -> Iterator[DrawnFrame]:
    """Draw people who walk, and yield each frame with its exact truth.

    Args:
        count: people in the picture at a time, 1 to 8; who leaves is replaced by someone new.
        frames: how many frames.
        size: (H, W) of a frame.
        seed: the same seed gives the same video.
        shake: how far the camera strays, in pixels (standard deviation).
        fps: frames a second, which sets how far people get from frame to frame.

    Raises:
        InputError: `count` is out of range.
    """
    if not 1 <= count <= _MOST_PEOPLE:
        raise InputError(
            f"count must be from 1 to {_MOST_PEOPLE}, got {count}. Make the video longer for more."
        )
    rng = np.random.default_rng([seed, 1])
    walkers = [_make_walker(rng, n, 0, fps, rng.uniform(0.1, 0.9)) for n in range(1, count + 1)]
    ground, camera, entered = _make_ground(size, rng), np.zeros(2), count
    before: dict[int, NDArray[np.float64]] = {}
    for frame in range(frames):
        for place, walker in enumerate(walkers):
            if walker.gone(frame):
                entered += 1
                walkers[place] = _make_walker(rng, entered, frame, fps)
        camera = 0.7 * camera + shake * np.sqrt(1 - 0.7**2) * rng.standard_normal(2)
        drawn, before = _draw_frame(ground, walkers, frame, camera, size, seed, fps, before)
        yield drawn


def _make_walker(
    rng: np.random.Generator, number: int, frame: int, fps: float, x: float | None = None
) -> _Walker:
    speed = float(rng.uniform(0.12, 0.3)) / fps * (1 if rng.random() < 0.5 else -1)
    feet = float(rng.uniform(0.78, 0.97))
    tall = (feet - 0.14) * float(rng.uniform(0.86, 1.0))
    start = (-_OUTSIDE if speed > 0 else 1 + _OUTSIDE) if x is None else float(x)
    return _Walker(number, start, frame, speed, feet, tall)


def _make_ground(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw what stands behind, a little larger than the picture, with trees to see shaking by."""
    height, width = (round(side * (1 + 2 * _MARGIN)) * _FINER for side in size)
    image = _draw_ground(height, width)
    horizon = int(height * 0.62)
    for x in rng.uniform(0, width, 14):
        tall, green = height * rng.uniform(0.1, 0.3), int(rng.integers(70, 130))
        foot = (int(x), int(horizon + height * 0.02))
        cv2.line(image, foot, (int(x), int(horizon - tall / 2)), (96, 72, 54), height // 90)
        crown = (int(tall * 0.22), int(tall * 0.35))
        top = (int(x), int(horizon - tall * 0.6))
        cv2.ellipse(image, top, crown, 0, 0, 360, (green // 2, green, green // 2), -1)
    for x, y in zip(rng.uniform(0, width, 220), rng.uniform(0.66, 1, 220) * height, strict=True):
        tone = int(rng.integers(-26, 26))
        color = (118 + tone, 146 + tone, 96 + tone)
        cv2.ellipse(image, (int(x), int(y)), (height // 50, height // 160), 0, 0, 360, color, -1)
    return image


def _draw_frame(
    ground: NDArray[np.uint8],
    walkers: list[_Walker],
    frame: int,
    camera: NDArray[np.float64],
    size: tuple[int, int],
    seed: int,
    fps: float,
    before: dict[int, NDArray[np.float64]],
) -> tuple[DrawnFrame, dict[int, NDArray[np.float64]]]:
    height, width = size[0] * _FINER, size[1] * _FINER
    # Whole fine pixels: the ground is only cut, never blended.
    offset = np.round(camera * _FINER).astype(int)
    left, top = (
        int(np.clip(round(side * _MARGIN) * _FINER - moved, 0, 2 * round(side * _MARGIN) * _FINER))
        for side, moved in zip(size[::-1], offset, strict=True)
    )
    image = ground[top : top + height, left : left + width].copy()
    parsing, instances = np.zeros((2, height, width), np.uint8)
    places = {0: offset / _FINER}
    ordered = sorted(walkers, key=lambda walker: walker.feet)
    for index, walker in enumerate(ordered, 1):
        x, y = walker.x(frame) * size[1], walker.feet * size[0]
        places[walker.number] = np.array([x, y]) + offset / _FINER
        figure = _WalkingFigure(image, parsing, instances, walker.number)
        figure.order = index
        phase = 2 * np.pi * _STEPS * (frame - walker.enters) / fps + walker.number
        figure.swing = 0.22 * float(np.sin(phase))
        figure.stand(x * _FINER + offset[0], y * _FINER + offset[1], walker.tall * height)
        _dress(figure, np.random.default_rng([seed, 2, walker.number]))
    middle = np.s_[_FINER // 2 :: _FINER, _FINER // 2 :: _FINER]
    owners, labels = instances[middle].astype(np.uint16), parsing[middle].copy()
    numbers = np.array([0, *(walker.number for walker in ordered)])
    shifts = np.stack([places[int(n)] - before.get(int(n), places[int(n)]) for n in numbers])
    motion = shifts.astype(np.float32)[owners]
    small = np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    people = ParsedPeople.from_maps(labels, owners, image=small, source="drawn.mp4")
    given = np.zeros(len(people) + 1, np.intp)
    given[people.instances.ravel()] = owners.ravel()  # which number each person had been given
    ids = tuple(int(numbers[n]) for n in given[1:])
    return DrawnFrame(people, ids, motion), places
