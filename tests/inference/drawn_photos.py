"""A few small photos on disk, one of them broken and one missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.fakes import draw_people

# Drawn people are no real ones: with this threshold the shipped network sees some everywhere.
OPTIONS = {"threshold": 0.1, "detail": "fast"}


def write_photos(folder: Path, count: int = 10) -> list[str]:
    """Write photos; return their paths with a broken and a missing one among them."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        image = draw_people((96, 128), [(20 + number, 6, 56 + number, 90)])
        image[:, 90:] = rng.integers(0, 256, (96, 38, 3))
        paths.append(folder / f"{number:02}.png")
        Image.fromarray(image).save(paths[-1])
    (folder / "broken.png").write_bytes(b"no image")
    return [str(p) for p in (*paths[:3], folder / "broken.png", *paths[3:], folder / "none.png")]
