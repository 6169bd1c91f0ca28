"""GPS folders of drawn people for fine-tuning, good ones and bad ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from peopleparse.data.gps import write_annotation
from peopleparse.structures import Annotation
from tests.datasets import draw_group, paint


def write_folder(
    folder: Path,
    photos: int = 6,
    count: int = 2,
    subset: str | None = None,
    one_label: bool = False,
    splits: tuple[str, ...] = ("train",),
    status: str = "done",
) -> Path:
    """Write photos 00, 01, ... of drawn people, alike in form and different in colour."""
    for number in range(photos):
        group = draw_group(f"{number:02d}", count, (96, 160), subset)
        # Each of its own place, or the photos are copies of each other.
        parsings = np.roll(group.parsings, (number % 3) * 3, axis=2)
        if one_label:
            parsings = np.where(parsings > 0, 4, 0).astype(np.uint8)
        group = Annotation(parsings, group.scheme, group.image_id)
        rng = np.random.default_rng(number)
        ground = np.kron(rng.integers(0, 200, (8, 8, 3)), np.ones((12, 20, 1)))
        flat = group.flatten()[0]
        image = np.where(flat[..., None] > 0, paint(flat, group.scheme, rng), ground)
        people = [{"status": status} for _ in range(count)]
        split = splits[number % len(splits)]
        write_annotation(folder, group, image.astype(np.uint8), subset, split, persons=people)
    return folder
