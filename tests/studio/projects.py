"""Projects for tests: small photos, persons of a few strokes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.studio.annotation_store import AnnotationStore
from peopleparse.studio.person_list import put_persons
from peopleparse.studio.project import Project, create_project

WIDTH, HEIGHT = 60, 40


def write_photos(folder: Path, names: Sequence[str] = ("one.jpg",), seed: int = 0) -> Path:
    """Write photos of noise, each another one."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for name in names:
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


def make_project(folder: Path, names: Sequence[str] = ("one.jpg",), **options: Any) -> Project:
    """Make a project of photos of noise."""
    return create_project(folder / "project", write_photos(folder / "photos", names), **options)


def count(store: AnnotationStore, *clicks: tuple[float, float], photo_id: str = "one") -> list[str]:
    """Set the persons of a fresh photo and return their uids, left to right."""
    persons = [{"uid": None, "click": click} for click in clicks]
    photo = put_persons(store, photo_id, store.photo(photo_id)["revision"], persons)
    return [person["uid"] for person in photo["persons"]]


def again(photo: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the persons of a photo as the page sends them back."""
    return [{"uid": person["uid"], "click": person["click"]} for person in photo["persons"]]


def paint(*boxes: tuple[int, int, int, int, int]) -> NDArray[np.uint8]:
    """Return labels: x1, y1, x2, y2, label id of each box."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x1, y1, x2, y2, label_id in boxes:
        labels[y1:y2, x1:x2] = label_id
    return labels


def person_at(x: int, seed: int = 4) -> NDArray[np.uint8]:
    """Return labels of a person 8 pixels wide: a face and something below."""
    return paint((x, 4, x + 8, 10, 11), (x, 10, x + 8, 30, seed))


def snapshot(store: AnnotationStore, photo_id: str = "one") -> dict[str, Any]:
    """Return what a photo holds: each person's number, labels, revision."""
    photo = store.photo(photo_id)
    assert photo["faults"] == []
    found: dict[str, Any] = {"revision": photo["revision"], "overlaps": photo["overlaps"]}
    for person in photo["persons"]:
        labels, revision = store.read_labels(photo_id, person["uid"])
        found[person["uid"]] = (person["index"], revision, labels.tobytes())
    return found
