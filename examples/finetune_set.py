"""Write photos that the shipped model is bad at, with their truth, as a GPS folder.

python examples/finetune_set.py --data DATA --out NIGHT

DATA holds ccp/ (Clothing Co-Parsing). Each photo is made what a cheap night camera would have
taken: grey, dark, noisy and blurred. Only photos in which the shipped model finds one person are
taken, because bystanders are not annotated.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import peopleparse
from peopleparse.data.gps import write_annotation
from peopleparse.data.people import read_portraits
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation

Image = NDArray[np.uint8]


def make_night(image: Image, rng: np.random.Generator) -> Image:
    """Return a photo as a night camera shows it, (H, W, 3) uint8."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    dark = cv2.GaussianBlur(grey, (0, 0), 2.0) ** 1.5 * rng.uniform(0.2, 0.35)
    seen = (dark + rng.normal(0, 0.03, grey.shape)).astype(np.float32)
    shown = np.clip(seen[..., None] * 255 * np.array([0.85, 1.0, 0.8]), 0, 255)
    return np.round(shown).astype(np.uint8)


def write_set(
    data: Path,
    out: Path,
    count: int,
    skip: int = 0,
    change: Callable[[Image, np.random.Generator], Image] | None = make_night,
) -> list[str]:
    """Write `count` photos of the training split, after `skip` others; return their ids."""
    written, engine = list[str](), peopleparse.Parser()
    for number, portrait in enumerate(read_portraits(data / "ccp", "train", (skip + count) * 3)):
        if len(written) == skip + count:
            break
        if len(engine(portrait.image)) != 1:
            continue
        written.append(portrait.photo_id)
        if len(written) > skip:
            rng = np.random.default_rng(number)
            image = change(portrait.image, rng) if change else portrait.image
            truth = Annotation(portrait.parsing[None], get_scheme("gps"), portrait.photo_id)
            write_annotation(out, truth, image, None, "train", overwrite=True)
    return written[skip:]


def main() -> None:
    """Read the words of the command and write the set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds ccp/")
    parser.add_argument("--out", type=Path, required=True, help="GPS folder to write")
    parser.add_argument("--count", type=int, default=20, help="photos")
    words = parser.parse_args()
    written = write_set(words.data, words.out, words.count)
    print(f"{len(written)} photos in {words.out}")


if __name__ == "__main__":
    main()
