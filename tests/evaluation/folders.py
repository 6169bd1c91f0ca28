"""Truth and predictions as folders on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from peopleparse.data.gps import write_annotation
from peopleparse.data.png import write_label_png
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation

GPS, LIP = get_scheme("gps"), get_scheme("lip")
SIZE = (48, 64)


def make_people(seed: int, count: int) -> np.ndarray:
    """Return (N, H, W) persons of a few labels side by side, left to right."""
    rng = np.random.default_rng(seed)
    people = np.zeros((count, *SIZE), np.uint8)
    for index in range(count):
        left = 2 + index * (60 // max(count, 1))
        width = 60 // max(count, 1) - 3
        people[index, 4:14, left : left + width] = 11  # face
        people[index, 14:30, left : left + width] = rng.choice([4, 7])
        people[index, 30 : 40 + rng.integers(0, 8), left : left + width] = rng.choice([6, 5])
    return people


def spoil(people: np.ndarray, seed: int) -> np.ndarray:
    """Return people with some rows lost and some labels wrong."""
    rng = np.random.default_rng(1000 + seed)
    found = people.copy()
    for person in found:
        person[: rng.integers(0, 12)] = 0
        person[person == 6] = rng.choice([6, 6, 5])
    return found


def write_gps(folder: Path, images: int = 6, spoilt: int | None = None) -> Path:
    """Write group photos in the GPS form; predictions where `spoilt` is a seed."""
    for number in range(images):
        people = make_people(number, 1 + number % 3)
        persons = None
        if spoilt is not None:
            people = spoil(people, spoilt + number)
            persons = [
                {"score": round(0.9 - 0.1 * k - 0.01 * number, 2)} for k in range(len(people))
            ]
        photo = np.full((*SIZE, 3), 40 * number % 256, np.uint8)
        subset = "indoor" if number % 2 else "outdoor"
        annotation = Annotation(people, get_scheme("gps"), f"photo_{number}")
        write_annotation(folder, annotation, photo, subset, "val", persons=persons)
    return folder


def write_lip(folder: Path, images: int = 6, spoilt: int | None = None) -> Path:
    """Write photos of one person as label maps."""
    for number in range(images):
        people = make_people(number, 1)
        if spoilt is not None:
            people = spoil(people, spoilt + number)
        write_label_png(folder / f"photo_{number}.png", people[0], LIP.palette)
    return folder
