"""Write persons as Crowd Instance-level Human Parsing has them: flat maps of numbers.

    Category_ids/<id>.png, Human_ids/<id>.png, Instance_ids/<id>.png and .txt,
    Images/<photo>, <split>_id.txt

A region is one part of one person. Its number is that of the published files, (person - 1) times
the number of label ids plus the label, while that fits into 8 bits; else regions are numbered
from 1 on, in 16 bits where there are more than 255.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.convert_files import copy_photo, write_lists
from peopleparse.data.convert_fit import flatten_image
from peopleparse.data.convert_image import WIDE, PeopleImage
from peopleparse.data.files import write_file
from peopleparse.data.grey_png import BYTE_MAX, encode_grey_png


class CihpWriter:
    """Writes images whose persons share no labelled pixel, one after the other, then the lists."""

    def __init__(self, folder: Path, losses: Counter[str]) -> None:
        self._folder, self._losses = folder, losses
        self._splits: dict[str, str | None] = {}

    def add(self, image: PeopleImage) -> None:
        """Write one image."""
        parsing, owners = flatten_image(image)
        regions, lines = number_regions(
            np.where(parsing == image.scheme.ignore_id, 0, parsing), owners, image.scheme.num_ids
        )
        self._write("Category_ids", image.image_id, parsing)
        self._write("Human_ids", image.image_id, owners)
        self._write("Instance_ids", image.image_id, regions)
        text = "".join(f"{number} {label} {person}\n" for number, label, person in lines)
        write_file(self._folder / "Instance_ids" / f"{image.image_id}.txt", text.encode())
        copy_photo(image, self._folder / "Images", self._losses)
        self._splits[image.image_id] = image.facts.split

    def _write(self, inner: str, image_id: str, numbers: NDArray[np.integer[Any]]) -> None:
        self._losses[WIDE] += int(numbers.max(initial=0) > BYTE_MAX)
        write_file(self._folder / inner / f"{image_id}.png", encode_grey_png(numbers))

    def finish(self) -> None:
        """Write the lists of ids."""
        write_lists(self._folder, "{}_id.txt", self._splits)


def number_regions(
    labels: NDArray[np.uint8], owners: NDArray[np.uint16], num_ids: int
) -> tuple[NDArray[np.int64], list[tuple[int, int, int]]]:
    """Return the number of each pixel's region, (H, W), and (number, label, person) of each.

    >>> number_regions(np.array([[0, 3, 3]], np.uint8), np.array([[0, 1, 2]], np.uint16), 20)
    (array([[ 0,  3, 23]]), [(3, 3, 1), (23, 3, 2)])
    """
    shown = (labels > 0) & (owners > 0)
    keys = np.where(shown, (owners.astype(np.int64) - 1) * num_ids + labels, 0)
    present = [int(key) for key in np.unique(keys) if key]
    numbers = present
    if present and present[-1] > BYTE_MAX:
        numbers = list(range(1, len(present) + 1))
        keys = np.searchsorted(present, keys, side="left") + 1
        keys = np.where(shown, keys, 0)
    people = [((key - 1) // num_ids + 1, (key - 1) % num_ids + 1) for key in present]
    return keys, [(n, label, person) for n, (person, label) in zip(numbers, people, strict=True)]
