"""Statistics of a GPS folder: persons per image, appearances of each part, sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from peopleparse.data.gps import read_image_ids, read_record, record_path
from peopleparse.errors import DataError
from peopleparse.labels import get_scheme


@dataclass(frozen=True)
class Spread:
    """Least, median, mean and greatest of some lengths in pixels; zeros where there are none."""

    least: float
    median: float
    mean: float
    greatest: float


@dataclass(frozen=True)
class Statistics:
    """What a data set holds.

    Attributes:
        images: number of images.
        persons: number of persons.
        mean_persons: persons per image.
        persons_per_image: number of persons to images that have so many (GPS paper, Fig. 2).
        part_persons: part to persons that show it, in the order of the scheme (Fig. 3).
        subsets: sub-data set ("-" for none) to images.
        splits: split to images.
        overlap_pixels: pixels that two persons both have, summed over pairs.
        widths: of the images.
        heights: of the images.
        person_heights: of the persons' boxes.
    """

    images: int
    persons: int
    mean_persons: float
    persons_per_image: dict[int, int]
    part_persons: dict[str, int]
    subsets: dict[str, int]
    splits: dict[str, int]
    overlap_pixels: int
    widths: Spread
    heights: Spread
    person_heights: Spread

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def measure_dataset(folder: str | Path, split: str | None = None) -> Statistics:
    """Count a GPS folder from its JSON files alone; `check_dataset` says if they are true.

    Raises:
        DataError: the folder is no GPS folder, a JSON is broken, or no image has that split.
    """
    records = [(i, read_record(folder, i)) for i in read_image_ids(folder, split)]
    images = [record["image"] for _, record in records]
    persons = [p for i, record in records for p in _persons_of(record, record_path(folder, i))]
    counts = Counter(record["n_persons"] for _, record in records)
    shown = Counter(name for person in persons for name in person["part_areas"])
    boxes = [person["bbox"] for person in persons if person["bbox"]]
    return Statistics(
        images=len(records),
        persons=len(persons),
        mean_persons=len(persons) / len(records) if records else 0.0,
        persons_per_image=dict(sorted(counts.items())),
        part_persons={name: shown[name] for name in get_scheme("gps").names[1:]},
        subsets=dict(sorted(Counter(image.get("subset") or "-" for image in images).items())),
        splits=dict(sorted(Counter(image["split"] for image in images).items())),
        overlap_pixels=sum(pair["pixels"] for _, record in records for pair in record["overlaps"]),
        widths=_spread([image["width"] for image in images]),
        heights=_spread([image["height"] for image in images]),
        person_heights=_spread([box[3] - box[1] for box in boxes]),
    )


def _persons_of(record: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    for person in record["persons"]:
        if not isinstance(person, dict) or not {"bbox", "part_areas"} <= set(person):
            raise DataError(
                f"persons must have bbox and part_areas, got {person!r}, at {path}. "
                "Write the annotation again with peopleparse."
            )
    return record["persons"]


def _spread(lengths: Sequence[int]) -> Spread:
    if not lengths:
        return Spread(0.0, 0.0, 0.0, 0.0)
    found = np.asarray(lengths, np.float64)
    median, mean = float(np.median(found)), float(found.mean())
    return Spread(float(found.min()), median, mean, float(found.max()))
