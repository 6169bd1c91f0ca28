"""Videos with known truth: drawn walkers, and real people moved over a background."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.people import read_backgrounds, read_portraits
from peopleparse.data.scenes import Place, SceneMaker, _paste
from peopleparse.structures import ParsedPeople
from peopleparse.viz.drawn_video import draw_video

FPS = 25.0


@dataclass(frozen=True, eq=False)
class TrueFrame:
    """A picture and its truth.

    Attributes:
        people: true maps, with the picture.
        ids: who each person is.
        motion: (H, W, 2) float32, see `viz.drawn_video.DrawnFrame`.
    """

    people: ParsedPeople
    ids: tuple[int, ...]
    motion: NDArray[np.float32]


def draw_frames(count: int, frames: int, size: tuple[int, int], seed: int) -> Iterator[TrueFrame]:
    """Yield the frames of a drawn video."""
    for drawn in draw_video(count, frames, size, seed, fps=FPS):
        yield TrueFrame(drawn.people, drawn.ids, drawn.motion)


@dataclass(frozen=True)
class _Mover:
    which: int  # portrait
    seed: int
    x: float
    speed: float  # pixels a frame
    feet: float
    tall: float


class CutoutVideos:
    """People of the validation photos, each moved as a whole over a background photo."""

    def __init__(self, data: Path, limit: int | None = None) -> None:
        """Read people and backgrounds of the validation split."""
        self._maker = SceneMaker(
            read_portraits(data / "ccp", "val", limit),
            read_backgrounds(data / "backgrounds", "val"),
        )

    def make(
        self, count: int, frames: int, size: tuple[int, int], seed: int
    ) -> Iterator[TrueFrame]:
        """Yield a video in which people pass each other and the camera shakes a little."""
        rng = np.random.default_rng([seed, 3])
        height, width = size
        pad = height // 20
        photo = self._maker.backgrounds[int(rng.integers(len(self._maker.backgrounds)))]
        wide = self._maker._crop(photo, rng, width + 2 * pad, height + 2 * pad, 0.7)
        movers = []
        for n in range(count):
            start, end = rng.uniform(0.05, 0.95, 2) * width
            tall = rng.uniform(0.55, 0.9) * height
            feet = height * 0.5 + tall * 0.5 + rng.uniform(-0.02, 0.06) * height
            which = int(rng.integers(len(self._maker.portraits)))
            movers.append(_Mover(which, 1000 * seed + n, start, (end - start) / frames, feet, tall))
        movers.sort(key=lambda mover: mover.tall)  # the nearest last, before the others
        camera, before = np.zeros(2), np.zeros((count + 1, 2))
        for frame in range(frames):
            camera = 0.7 * camera + 0.8 * rng.standard_normal(2)
            shake = np.clip(np.round(camera), -pad, pad).astype(int)
            left, top = pad - int(shake[0]), pad - int(shake[1])
            image = wide[top : top + height, left : left + width].copy()
            parsing, owners = np.zeros(size, np.uint8), np.zeros(size, np.uint16)
            now = np.zeros((count + 1, 2))
            now[0] = shake
            for n, mover in enumerate(movers, 1):
                x = mover.x + mover.speed * frame
                y = mover.feet + 2.0 * np.sin(frame / 3 + mover.seed)
                now[n] = x + shake[0], y + shake[1]
                # The same numbers in every frame: the same slant, the same side.
                window, cutout, labels, _ = self._maker._warp(
                    mover.which,
                    Place(float(now[n, 0]), float(now[n, 1]), mover.tall),
                    np.random.default_rng(mover.seed),
                    width,
                    height,
                )
                mask = labels > 0
                _paste(image[window], cutout, mask, 0.7)
                owners[window][mask], parsing[window][mask] = n, labels[mask]
            motion = (now - before if frame else np.zeros_like(now)).astype(np.float32)[owners]
            before = now
            people = ParsedPeople.from_maps(parsing, owners, image=image)
            given = np.zeros(len(people) + 1, int)
            given[people.instances.ravel()] = owners.ravel()
            yield TrueFrame(people, tuple(given[1:].tolist()), motion)
