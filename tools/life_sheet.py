"""Draw training scenes with each switch of a recipe beside the same scenes without it.

python tools/life_sheet.py DATA OUT [--count 24] [--seed 0] [--split train]

Writes OUT/cuts.png, occluders.png, blended.png, faults.png and all.png: on the left the plain
scene, on the right the one with the switch on. Where DATA holds bystanders/, bystanders.png shows
photos and strips of street with what is ignored in pink. The sheets show other people's
photographs: look at them, do not pass them on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.data.bystanders import read_bystanders
from peopleparse.data.files import write_file
from peopleparse.data.people import Portrait, read_backgrounds, read_portraits
from peopleparse.data.photo_faults import add_faults
from peopleparse.data.scenes import PLAIN, PRESETS, Life, SceneMaker, training_preset
from peopleparse.errors import PeopleparseError
from peopleparse.structures import mask_box
from peopleparse.viz import blend, draw_sheet

Image = NDArray[np.uint8]
SIZE = (512, 384)
SWITCHES = {
    "cuts": (Life(cuts=1), False),
    "occluders": (Life(occluders=1), False),
    "blended": (Life(blended=1), False),
    "faults": (PLAIN, True),
    "all": (Life(1, 1, 1), True),
}
PINK = np.array([255, 0, 160], np.uint8)


def draw_pair(maker: SceneMaker, seed: int, number: int, life: Life, faults: bool) -> Image:
    """Return scene number `number` of a seed without and with a switch, side by side."""
    preset = training_preset(PRESETS["indoor" if number % 2 else "outdoor"])
    plain, other = (maker.make((seed, number), preset, *SIZE, kind) for kind in (PLAIN, life))
    changed = other.image
    if faults:
        changed = add_faults(changed, np.random.default_rng([seed, number]))
    changed = changed.copy()
    for person in range(len(other.annotation)):
        box = mask_box(other.annotation.masks[person])
        assert box is not None
        x1, y1, x2, y2 = (int(v) for v in box)
        cv2.rectangle(changed, (x1, y1), (x2 - 1, y2 - 1), (0, 255, 0), 1)
    return np.concatenate([plain.image, changed], axis=1)


def draw_ignored(portrait: Portrait, seen: NDArray[np.bool_]) -> Image:
    """Return a photo and, on its right, the photo with its bystanders in pink."""
    shown = portrait.image.copy()
    shown[seen] = blend(shown[seen], PINK, 0.6)
    return np.concatenate([portrait.image, shown], axis=1)


def draw_sheets(data: Path, out: Path, count: int, seed: int, split: str) -> list[Path]:
    """Write the sheets and return their paths."""
    people = read_portraits(data / "ccp", split)
    maker = SceneMaker(people, read_backgrounds(data / "backgrounds", split))
    paths = []
    for name, (life, faults) in SWITCHES.items():
        tiles = [draw_pair(maker, seed, n, life, faults) for n in range(count)]
        paths.append(_write(out / f"{name}.png", tiles, [str(n) for n in range(count)], (256, 684)))
    if (data / "bystanders").is_dir():
        found = read_bystanders(data / "bystanders", people)
        shown = [person for person in people if person.photo_id in found][:count]
        tiles = [draw_ignored(person, found[person.photo_id].mask) for person in shown]
        names = [person.photo_id for person in shown]
        paths.append(_write(out / "bystanders.png", tiles, names, (300, 396)))
    return paths


def _write(path: Path, tiles: list[Image], names: list[str], size: tuple[int, int]) -> Path:
    sheet = draw_sheet(tiles, columns=3, captions=names, tile_size=size)
    return write_file(path, cv2.imencode(".png", sheet[..., ::-1])[1].tobytes())


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with ccp/ and backgrounds/")
    parser.add_argument("out", type=Path, help="folder for the sheets; made where missing")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=("train", "val"), default="train")
    given = parser.parse_args(words)
    try:
        paths = draw_sheets(given.data, given.out, given.count, given.seed, given.split)
    except PeopleparseError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print("\n".join(str(path) for path in paths))
    return 0


if __name__ == "__main__":
    sys.exit(main())
