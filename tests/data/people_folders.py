"""Random small GPS folders for conversions, and how far two of them are from each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from peopleparse.data.gps import annotation_folder, read_annotation, read_image_ids, read_record
from peopleparse.data.gps import write_annotation as write
from peopleparse.data.gps_record import scheme_of
from peopleparse.structures import Annotation, mask_box

IGNORE = 255


def draw_people(
    rng: np.random.Generator,
    count: int,
    size: tuple[int, int] = (9, 16),
    subset: str | None = "indoor",
    overlap: bool = False,
    ignored: float = 0.0,
) -> np.ndarray:
    """Return (N, H, W) random persons, left to right; without overlap each in their columns."""
    height, width = size
    labels = [i for i in scheme_of(subset).ids if i]
    persons = np.zeros((count, *size), np.uint8)
    edges = np.linspace(0, width, count + 1).astype(int)
    for index, person in enumerate(persons):
        columns = np.s_[:, edges[index] : edges[index + 1]]
        if overlap:
            left = int(rng.integers(0, width - 2))
            columns = np.s_[:, left : left + int(rng.integers(2, width - left + 1))]
        view = person[columns]
        view[:] = rng.choice(labels, view.shape) * (rng.random(view.shape) < 0.7)
        view[rng.random(view.shape) < ignored] = IGNORE
        view[int(rng.integers(height)), int(rng.integers(view.shape[1]))] = rng.choice(labels)
    if ignored and count:
        persons[:, 0, 0] = IGNORE  # what all ignore
    kept = [p for p in persons if ((p > 0) & (p != IGNORE)).any()]
    order = sorted(range(len(kept)), key=lambda i: _centre(kept[i]))
    return np.stack([kept[i] for i in order]) if kept else persons[:0]


def _centre(person: np.ndarray) -> float:
    box = mask_box((person > 0) & (person != IGNORE))
    assert box is not None
    return float(box[0] + box[2])


def write_people(
    folder: Path, scenes: dict[str, np.ndarray], subset: str | None = "indoor"
) -> Path:
    """Write scenes as a GPS folder; every third image is of val."""
    rng = np.random.default_rng(1)
    for number, (image_id, persons) in enumerate(scenes.items()):
        image = rng.integers(0, 256, (*persons.shape[1:], 3), dtype=np.uint8)
        fields = [
            {"annotator": f"someone {k}", "occluded": bool(k % 2)} for k in range(len(persons))
        ]
        annotation = Annotation(persons, scheme_of(subset), image_id)
        split = "val" if number % 3 == 0 else "train"
        write(folder, annotation, image, subset, split, {"place": "here"}, fields)
    return folder


def random_scenes(
    count: int, seed: int = 0, least: int = 1, most: int = 5, **options: object
) -> dict[str, np.ndarray]:
    """Return scenes of random sizes by id."""
    rng, scenes = np.random.default_rng(seed), {}
    for number in range(count):
        size = (int(rng.integers(5, 12)), int(rng.integers(12, 24)))
        persons = int(rng.integers(least, most + 1))
        scenes[f"{number:04d}"] = draw_people(rng, persons, size, **options)  # type: ignore[arg-type]
    return scenes


def folder_bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def count_differences(first: Path, second: Path) -> int:
    """Return the pixels of persons that differ, persons known by their uid; a lost one is empty."""
    found = 0
    there = set(read_image_ids(second))
    for image_id in read_image_ids(first):
        before = _by_uid(first, image_id)
        after = _by_uid(second, image_id) if image_id in there else {}
        assert set(after) <= set(before)
        for uid, person in before.items():
            found += int((person != after.get(uid, np.zeros_like(person))).sum())
    return found


def _by_uid(folder: Path, image_id: str) -> dict[str, np.ndarray]:
    assert annotation_folder(folder, image_id).is_dir()
    uids = [person["uid"] for person in read_record(folder, image_id)["persons"]]
    return dict(zip(uids, read_annotation(folder, image_id).parsings, strict=True))
