"""COCO instances: one compressed RLE a part, linked to its person; persons are listed by image.

    annotations/instances_default.json    images/default/<sheet>.jpg

`images[]` carries the facts of the photo and `persons`, so that a person without a pixel is not
lost; `annotations[]` have person_id, instance_id and attributes.person.

Source: cocodataset/cocoapi (images, categories, annotations, segmentations).
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from peopleparse.data.files import write_file
from peopleparse.data.rle import decode_segmentation
from peopleparse.errors import DataError
from peopleparse.labels import Scheme
from peopleparse.studio.exchange.facts import SIGHTS
from peopleparse.studio.exchange.files import ExchangeFiles, to_json
from peopleparse.studio.exchange.part_names import PartNames
from peopleparse.studio.exchange.people import People, Shape, draw_polygon
from peopleparse.studio.exchange.sheets import FoundSheet, Head, Sheet, SheetPerson, list_parts
from peopleparse.viz.rle import encode_crop

_PHOTOS = "images/default"
_FILE = "annotations/instances_default.json"
_TABLES = ("images", "categories", "annotations")


class CocoWriter:
    """Gathers sheets one after the other, then writes them as one JSON."""

    def __init__(self, folder: Path, names: PartNames) -> None:
        self._folder, self._names = folder, names
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def photo_folder(self, sheet: Sheet) -> str:
        """Return the folder of a sheet's picture."""
        return _PHOTOS

    def add(self, sheet: Sheet) -> None:
        """Add one sheet."""
        height, width = sheet.size
        number = len(self._images) + 1
        persons = [{"index": k, **person.facts} for k, person in sheet.persons.items()]
        self._images.append(
            {"id": number, "file_name": sheet.head.file, "width": width, "height": height}
            | {**sheet.head.facts, "persons": persons}
        )
        for index, person in sheet.persons.items():
            said = {key: person.facts[key] for key in SIGHTS if person.facts.get(key) is not None}
            for part in list_parts(person.labels):
                segmentation = encode_crop(part.mask, part.left, part.top, sheet.size)
                self._annotations.append(
                    {"id": len(self._annotations) + 1, "image_id": number}
                    | {"category_id": part.label_id, "segmentation": segmentation}
                    | {"area": int(part.mask.sum()), "iscrowd": 0}
                    | {"bbox": [part.left, part.top, part.mask.shape[1], part.mask.shape[0]]}
                    | {"person_id": index, "instance_id": index}
                    | {"attributes": {"person": index, **said}}
                )

    def finish(self) -> None:
        """Write the JSON."""
        used = {row["category_id"] for row in self._annotations}
        scheme = self._names.scheme
        data = {
            "info": {"description": "Parts of persons", "scheme": scheme.name},
            "licenses": [],
            "images": self._images,
            "categories": [
                {"id": label_id, "name": name, "supercategory": "part"}
                for label_id, name, _ in self._names.rows
                if label_id != scheme.ignore_id or label_id in used
            ],
            "annotations": self._annotations,
        }
        write_file(self._folder / _FILE, to_json(data))


def find_sheets(files: ExchangeFiles, scheme: Scheme) -> list[FoundSheet]:
    """Return the images of the COCO files.

    Raises:
        DataError: there is no COCO file, or one is broken.
    """
    found: list[FoundSheet] = []
    names = PartNames(scheme)
    for name in files.find(".json"):
        data = files.read_json(name)
        if isinstance(data, dict) and "images" in data and "annotations" in data:
            found += _read_file(data, files.place(name), names)
    if not found:
        raise DataError(
            "COCO export must hold a JSON with images and annotations, got none, "
            f"at {files.path}. Export it as COCO with masks."
        )
    return found


def _read_file(data: dict[str, Any], place: str, names: PartNames) -> list[FoundSheet]:
    for key in _TABLES:
        rows = data.get(key)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise DataError(
                f"COCO file must hold '{key}', a list of mappings, got other values, at {place}. "
                "Export it again."
            )
    categories = {str(row.get("id")): row.get("name") for row in data["categories"]}
    rows_of: dict[str, list[dict[str, Any]]] = {}
    for row in data["annotations"]:
        rows_of.setdefault(str(row.get("image_id")), []).append(row)
    found = []
    for image in data["images"]:
        rows = rows_of.pop(str(image.get("id")), [])
        file = str(image.get("file_name"))
        size = (image.get("height"), image.get("width"))
        head = Head(PurePosixPath(file).stem, file, size, image, f"image '{file}' of {place}")
        found.append(FoundSheet(head, partial(_load, rows, categories, names, head)))
    if rows_of:
        raise DataError(
            f"image_id must be one of the file's images, got {sorted(rows_of)[0]}, at {place}. "
            "Export it again."
        )
    return found


def _load(
    rows: list[dict[str, Any]],
    categories: dict[str, Any],
    names: PartNames,
    head: Head,
    own: int | None,
    size: tuple[int, int],
    losses: Counter[str],
) -> dict[int, SheetPerson]:
    people = People(head, own, size, names, losses)
    for row in rows:
        place = f"annotation {row.get('id')} of {head.place}"
        label = categories.get(str(row.get("category_id")))
        value = row.get("segmentation")
        if label == "person" or not value:
            people.skip()
            continue
        if isinstance(value, list):
            masks = [draw_polygon(polygon, size, place) for polygon in value]
            mask = np.logical_or.reduce(masks)
        else:
            mask = decode_segmentation(value, size, place)
        polygon = isinstance(value, list)
        people.add(Shape(label, mask, _find_person(row), place, polygon=polygon))
    return people.finish()


def _find_person(row: dict[str, Any]) -> object:
    attributes = row.get("attributes")
    inner = attributes.get("person") if isinstance(attributes, dict) else None
    for link in (inner, row.get("person_id"), row.get("instance_id")):
        if link is not None:
            return link
    return None
