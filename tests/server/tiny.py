"""A benchmark of twelve drawn people, small enough to be scored in a moment."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NAMES = tuple(f"walker{number:02d}" for number in range(12))
WIDTH, HEIGHT = 24, 32
SEED = "planted-seed-of-the-split"
SETTINGS = """
slug = "walkers"
title = "Twelve walkers"
kind = "parsing"
format = "lip"
truth_format = "lip"
scheme = "ids:5"
headline = "mean_iou"
metrics = ["overall_accuracy"]
ladder_step = 0.002
truth = "{truth}"

[split]
public = 0.5
seed = "{seed}"

[[phases]]
slug = "first"
title = "First"
opens = 2020-01-01T00:00:00Z
closes = {closes}
attempts_a_day = 20
scores_a_day = 10
scores_in_all = 30
"""


def draw_person(number: int) -> NDArray[np.uint8]:
    """Return a label map: head 1, trunk 2, two legs 3 and 4."""
    parsing = np.zeros((HEIGHT, WIDTH), np.uint8)
    left = 4 + number % 8
    parsing[3:9, left + 2 : left + 7] = 1
    parsing[9:19, left : left + 9] = 2
    parsing[19:29, left : left + 4] = 3
    parsing[19:29, left + 5 : left + 9] = 4
    return parsing


def make_benchmark(folder: Path, truth: Path, closes: str = "2999-01-01T00:00:00Z") -> Path:
    """Write a benchmark and its truth."""
    truth.mkdir(parents=True, mode=0o700)
    folder.mkdir(mode=0o700)
    lines = ["name,width,height,subset"]
    for number, name in enumerate(NAMES):
        Image.fromarray(draw_person(number)).save(truth / f"{name}.png")
        lines.append(f"{name},{WIDTH},{HEIGHT},{('street', 'park')[number % 2]}")
    (folder / "images.csv").write_text("\n".join(lines) + "\n")
    (folder / "rules.md").write_text("# Rules\n\nTrain on **your own** photos. <b>\n")
    text = SETTINGS.format(truth=truth, seed=SEED, closes=closes)
    (folder / "benchmark.toml").write_text(text)
    return folder


def make_archive(shift: int = 1) -> bytes:
    """Return a submission that is wrong by some columns."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, name in enumerate(NAMES):
            png = io.BytesIO()
            parsing = np.roll(draw_person(number), shift + number % 2, axis=1)
            Image.fromarray(parsing).save(png, "PNG")
            archive.writestr(f"{name}.png", png.getvalue())
    return file.getvalue()
