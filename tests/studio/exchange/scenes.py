"""Small drawn scenes for the tests of the exchange: persons of parts, overlapping, with holes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.labels import get_scheme
from peopleparse.structures import mask_box
from peopleparse.studio.exchange.source import PhotoSource
from peopleparse.studio.person_list import write_persons
from peopleparse.studio.project import Project, create_project

SCHEME = get_scheme("gps")
STATUSES = ("todo", "doing", "done", "checked")


def draw_person(
    rng: np.random.Generator, size: tuple[int, int], ids: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """A person of ellipses and specks, some with holes, some ignored; now and then empty."""
    labels = np.zeros(size, np.uint8)
    if rng.random() < 0.1:
        return labels
    y, x = np.mgrid[: size[0], : size[1]]
    middle = rng.uniform(0, size[1])
    for label in rng.choice(ids, rng.integers(1, 7)):
        cy, cx = rng.uniform(0, size[0]), middle + rng.normal(0, size[1] / 8)
        ry, rx = rng.uniform(0.4, 1 + size[0] / 4), rng.uniform(0.4, 1 + size[1] / 6)
        distance = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2
        hole = 0.2 if rng.random() < 0.3 else -1.0
        labels[(distance <= 1) & (distance > hole)] = label
    specks = rng.integers(0, 4)
    labels[rng.integers(0, size[0], specks), rng.integers(0, size[1], specks)] = rng.choice(
        ids, specks
    )
    return labels


def draw_scene(seed: int, name: str | None = None, photo: Path | None = None) -> PhotoSource:
    """A photo with 0 to 5 persons and facts of all kinds."""
    rng = np.random.default_rng(seed)
    size = (int(rng.integers(1, 41)), int(rng.integers(1, 57)))
    ids = np.array([*SCHEME.ids[1:], 255])
    maps = [draw_person(rng, size, ids) for _ in range(rng.integers(0, 6))]
    name = name or f"scene {seed:04d}"
    persons = [make_facts(rng, name, labels) for labels in maps]
    order = np.argsort([fields["click_xy"][0] for fields in persons], kind="stable")
    stack = np.stack([maps[n] for n in order]) if maps else np.zeros((0, *size), np.uint8)
    facts = {"sha256": f"{seed:064x}", "split": ("train", "val", None)[seed % 3]}
    facts["subset"] = ("indoor", None)[seed % 2]
    fields = [{"index": k} | persons[n] for k, n in enumerate(order, 1)]
    return PhotoSource(name, f"{name}.jpg", photo, stack, fields, facts)


def make_facts(rng: np.random.Generator, name: str, labels: NDArray[np.uint8]) -> dict[str, Any]:
    box = mask_box((labels > 0) & (labels != 255))
    flag = (None, True, False)
    return {
        "uid": f"{name}-{rng.integers(1 << 40)}",
        "click_xy": [round(float(rng.uniform(0, labels.shape[1])), 1), 0.5],
        "occluded": flag[rng.integers(3)],
        "truncated": flag[rng.integers(3)],
        "status": "todo" if box is None else STATUSES[rng.integers(1, 4)],
        "annotator": (None, 'Ånn <b>"&', "b")[rng.integers(3)],
        "revision": int(rng.integers(0, 5)),
        "seconds": (None, 12.5)[rng.integers(2)],
    }


def write_photo(path: Path, size: tuple[int, int], seed: int = 0) -> Path:
    """A PNG of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def make_project(folder: Path, seeds: list[int], painted: bool = True) -> Project:
    """A project of drawn scenes; the same photos without persons where not painted."""
    for seed in seeds:
        scene = draw_scene(seed)
        photo = folder.parent / f"{folder.name}-photos" / f"{scene.image_id}.png"
        write_photo(photo, scene.labels.shape[1:], seed)
    project = create_project(folder, folder.parent / f"{folder.name}-photos")
    for seed in seeds if painted else ():
        scene = draw_scene(seed)
        write_persons(project.store, scene.image_id, scene.labels, scene.persons)
    return project
