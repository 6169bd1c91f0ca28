"""Fake label folders of every format in their true layout, made from the same small scenes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from peopleparse.data.gps import write_annotation
from peopleparse.data.image_labels import ImageLabels
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation, ParsedPeople
from peopleparse.viz import encode_rle, save_result
from tests.metrics.scenes import unflatten


class Scene(NamedTuple):
    persons: np.ndarray  # (N, H, W) uint8, left to right, sharing no pixel
    scores: np.ndarray  # (N,)

    @property
    def parsing(self) -> np.ndarray:
        return self.persons.max(axis=0, initial=0)

    @property
    def instances(self) -> np.ndarray:
        numbers = np.arange(1, len(self.persons) + 1, dtype=np.uint16)[:, None, None]
        return ((self.persons > 0) * numbers).max(axis=0, initial=0).astype(np.uint16)


Scenes = dict[str, Scene]


def make_scenes(num_ids: int = 19, counts: tuple[int, ...] = (2, 3, 0), seed: int = 0) -> Scenes:
    """Return an image for each count; persons stand in columns of their own."""
    rng, scenes = np.random.default_rng(seed), {}
    for index, count in enumerate(counts, 1):
        size = (int(rng.integers(4, 8)), max(6, 2 * count))
        persons = np.zeros((count, *size), np.uint8)
        for person in range(count):
            columns = np.s_[:, 2 * person : 2 * person + 2]
            persons[person][columns] = rng.integers(0, num_ids, (size[0], 2))
            persons[person][0, 2 * person] = 1 + person % (num_ids - 1)
        scenes[f"{index:04d}"] = Scene(persons, rng.permutation(count) / (count + 1) + 0.1)
    return scenes


def person_maps(labels: ImageLabels, count: int) -> np.ndarray:
    assert labels.persons is not None
    if isinstance(labels.persons, tuple):
        return unflatten(*labels.persons, count)
    return labels.persons


def write_png(path: Path, values: np.ndarray, indexed: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    if indexed and values.dtype == np.uint8 and values.ndim == 2:
        image.putpalette(get_scheme("mhp-v2").palette.tobytes())
    image.save(path)
    return path


def write_lines(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_gps(folder: Path, scenes: Scenes, scored: bool = True, subset: str = "indoor") -> Path:
    for image_id, (persons, scores) in scenes.items():
        annotation = Annotation(persons, get_scheme("gps"), image_id)
        image = np.zeros((*persons.shape[1:], 3), np.uint8)
        extra = [{"score": float(score)} if scored else {} for score in scores]
        write_annotation(folder, annotation, image, subset, "val", persons=extra)
    return folder


def write_saved(folder: Path, scenes: Scenes, **options: object) -> Path:
    for image_id, scene in scenes.items():
        scores = list(scene.scores)
        result = ParsedPeople.from_maps(scene.parsing, scene.instances, scores, scheme="gps")
        save_result(result, folder, stem=image_id, formats=("overlay", "png", "json", "coco"))
    return folder


def write_lip(folder: Path, scenes: Scenes) -> Path:
    for image_id, scene in scenes.items():
        write_png(folder / f"{image_id}.png", scene.parsing, indexed=False)
    return folder


def write_cihp_truth(folder: Path, scenes: Scenes) -> Path:
    """Region numbers are those of the published files: 20 a person, plus the label."""
    for image_id, scene in scenes.items():
        regions = np.where(scene.parsing > 0, 20 * (scene.instances - 1) + scene.parsing, 0)
        regions = regions.astype(np.uint16 if regions.max(initial=0) > 255 else np.uint8)
        write_png(folder / "Category_ids" / f"{image_id}.png", scene.parsing)
        write_png(folder / "Human_ids" / f"{image_id}.png", scene.instances.astype(np.uint8))
        write_png(folder / "Instance_ids" / f"{image_id}.png", regions)
        numbers = [int(n) for n in np.unique(regions) if n]
        lines = [f"{n} {(n - 1) % 20 + 1} {(n - 1) // 20 + 1}" for n in numbers]
        write_lines(folder / "Instance_ids" / f"{image_id}.txt", lines)
    return folder


def write_cihp_prediction(folder: Path, scenes: Scenes) -> Path:
    for image_id, scene in scenes.items():
        regions, lines = np.zeros(scene.parsing.shape, np.uint8), []
        for person, score in zip(scene.persons, scene.scores, strict=True):
            for label in np.unique(person[person > 0]):
                lines.append(f"{label} {score}")
                regions[person == label] = len(lines)
        write_png(folder / "global_parsing" / f"{image_id}.png", scene.parsing)
        write_png(folder / "instance_parsing" / f"{image_id}.png", regions)
        write_lines(folder / "instance_parsing" / f"{image_id}.txt", lines)
        owners = folder / "instance_segmentation"
        write_png(owners / f"{image_id}.png", scene.instances.astype(np.uint8))
        write_lines(owners / f"{image_id}.txt", [f"{score} 0 0 4 4" for score in scene.scores])
    return folder


def write_mhp_persons(folder: Path, scenes: Scenes, inner: str, colors: bool = False) -> Path:
    for image_id, scene in scenes.items():
        for number, person in enumerate(scene.persons, 1):
            name = f"{image_id}_{len(scene.persons):02d}_{number:02d}.png"
            values = np.stack([person] * 3, -1) if colors else person
            write_png(folder / inner / name, values, indexed=False)
    return folder


def write_mhp_scores(folder: Path, scenes: Scenes) -> Path:
    lines = [
        f"{image_id}_{len(scene.scores):02d}_{number:02d} {score}"
        for image_id, scene in scenes.items()
        for number, score in enumerate(scene.scores, 1)
    ]
    write_lines(folder / "scores.txt", lines)
    return folder


def write_mhp_submission(folder: Path, scenes: Scenes) -> Path:
    lines = []
    for image_id, scene in scenes.items():
        write_png(folder / "global_seg" / f"{image_id}.png", scene.parsing)
        write_png(folder / "global_tag" / f"{image_id}.png", scene.instances.astype(np.uint8))
        pairs = (f"{number} {score}" for number, score in enumerate(scene.scores, 1))
        lines.append(" ".join([image_id, *pairs]))
    write_lines(folder / "results.txt", lines)
    return folder


def coco_data(scenes: Scenes, scheme: str = "lip") -> dict[str, list]:
    names = get_scheme(scheme).names
    data: dict[str, list] = {
        "images": [],
        # Ids that are not the labels': only names may be relied on.
        "categories": [{"id": 100 + i, "name": name} for i, name in enumerate(names) if i],
        "annotations": [],
    }
    for number, (image_id, scene) in enumerate(scenes.items(), 1):
        height, width = scene.parsing.shape
        row = {"id": number, "file_name": f"val/{image_id}.jpg", "height": height, "width": width}
        data["images"].append(row)
        for person, (labels, score) in enumerate(zip(scene.persons, scene.scores, strict=True), 1):
            for label in np.unique(labels[labels > 0]).tolist():
                annotation = {
                    "id": len(data["annotations"]) + 1,
                    "image_id": number,
                    "category_id": 100 + label,
                    "segmentation": encode_rle(labels == label),
                    "person_id": person,
                    "score": float(score),
                }
                data["annotations"].append(annotation)
    return data


def write_coco(folder: Path, scenes: Scenes) -> Path:
    path = folder / "labels.json"
    write_lines(path, [json.dumps(coco_data(scenes))])
    return path


def edit_json(path: Path, change: Callable[[dict], object]) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def pack(folder: Path, archive: Path, inner: str = "") -> Path:
    """Zip the contents of a folder, at the top or inside a folder."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            packed.write(path, Path(inner) / path.relative_to(folder))
        packed.writestr("__MACOSX/._x.png", b"junk")
    return archive
