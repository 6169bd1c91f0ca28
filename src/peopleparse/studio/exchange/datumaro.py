"""Datumaro's JSON: masks as compressed run lengths, persons as attributes.

    annotations/<split>.json    images/<split>/<sheet>.jpg

Every mask is a group of its own: Datumaro's writers of other formats join the masks of one group
into one. The person is the attribute `person` of a mask; what is known of photo and persons is in
the attributes of the item.

Source: open-edge-platform/datumaro, plugins/data_formats/datumaro.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

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

_VERSION = "1.0"
_DEFAULT = "default"
_IMAGE = 2  # the kind of media


class DatumaroWriter:
    """Gathers sheets one after the other, then writes one JSON a split."""

    def __init__(self, folder: Path, names: PartNames) -> None:
        self._folder, self._names = folder, names
        self._items: dict[str, list[dict[str, Any]]] = {}
        self._place = {label_id: n for n, (label_id, _, _) in enumerate(names.rows)}

    def photo_folder(self, sheet: Sheet) -> str:
        """Return the folder of a sheet's photo."""
        return f"images/{_split_of(sheet)}"

    def add(self, sheet: Sheet) -> None:
        """Add one sheet."""
        annotations: list[dict[str, Any]] = []
        for index, person in sheet.persons.items():
            said = {s: person.facts[s] for s in SIGHTS if person.facts.get(s) is not None}
            for part in list_parts(person.labels):
                annotations.append(
                    {"id": len(annotations) + 1, "type": "mask"}
                    | {"attributes": {"person": index, **said}}
                    | {"group": len(annotations) + 1, "object_id": -1}
                    | {"label_id": self._place[part.label_id], "z_order": 0}
                    | {"rle": encode_crop(part.mask, part.left, part.top, sheet.size)}
                )
        persons = [{"index": k, **person.facts} for k, person in sheet.persons.items()]
        self._items.setdefault(_split_of(sheet), []).append(
            {"id": sheet.head.name, "annotations": annotations}
            | {"attr": {**sheet.head.facts, "persons": persons}}
            | {"image": {"path": sheet.head.file, "size": list(sheet.size)}}
        )

    def finish(self) -> None:
        """Write the JSONs."""
        labels = [{"name": n, "parent": "", "attributes": []} for n in self._names.names]
        for split, items in self._items.items():
            data = {
                "dm_format_version": _VERSION,
                "media_type": _IMAGE,
                "infos": {},
                "categories": {"label": {"labels": labels, "attributes": ["person", *SIGHTS]}},
                "items": items,
            }
            write_file(self._folder / "annotations" / f"{split}.json", to_json(data))


def _split_of(sheet: Sheet) -> str:
    split = str(sheet.head.facts.get("split") or _DEFAULT)
    return split if re.fullmatch(r"\w[\w-]*", split) else _DEFAULT


def find_sheets(files: ExchangeFiles, scheme: Scheme) -> list[FoundSheet]:
    """Return the items of the JSON files.

    Raises:
        DataError: there is no such JSON, or one is broken.
    """
    names, found = PartNames(scheme), list[FoundSheet]()
    for name in files.find(".json"):
        data = files.read_json(name)
        if isinstance(data, dict) and isinstance(data.get("items"), list):
            labels = _read_labels(data, files.place(name))
            found += [_find_sheet(item, labels, names, files.place(name)) for item in data["items"]]
    if not found:
        raise DataError(
            f"Datumaro export must hold annotations/<split>.json with items, got none, at "
            f"{files.path}. Export it as 'Datumaro' JSON with masks."
        )
    return found


def _read_labels(data: dict[str, Any], place: str) -> list[Any]:
    try:
        return [row["name"] for row in data["categories"]["label"]["labels"]]
    except (KeyError, TypeError):
        raise DataError(
            f"categories must list the labels, got none, at {place}. Export it again."
        ) from None


def _find_sheet(item: Any, labels: list[Any], names: PartNames, place: str) -> FoundSheet:
    if not isinstance(item, dict) or not isinstance(item.get("annotations", []), list):
        raise DataError(
            f"item must be a mapping with annotations, got {str(item)[:40]!r}, at {place}. "
            "Export it again."
        )
    name = PurePosixPath(str(item.get("id"))).name
    place = f"item '{name}' of {place}"
    image, facts = item.get("image"), item.get("attr")
    size = image.get("size") if isinstance(image, dict) else None
    good = isinstance(size, list) and len(size) == 2 and all(isinstance(n, int) for n in size)
    file = str(image.get("path")) if isinstance(image, dict) else name
    head_size = (size[0], size[1]) if good and size is not None else None
    head = Head(name, file, head_size, facts if isinstance(facts, dict) else {}, place)
    return FoundSheet(head, partial(_load, item.get("annotations", []), labels, names, head))


def _load(
    rows: list[Any],
    labels: list[Any],
    names: PartNames,
    head: Head,
    own: int | None,
    size: tuple[int, int],
    losses: Counter[str],
) -> dict[int, SheetPerson]:
    people = People(head, own, size, names, losses)
    for number, row in enumerate(rows, 1):
        place = f"annotation {number} of {head.place}"
        kind = row.get("type") if isinstance(row, dict) else None
        if kind not in ("mask", "polygon"):
            people.skip()
            continue
        label_id, attributes = row.get("label_id"), row.get("attributes")
        known = isinstance(label_id, int) and 0 <= label_id < len(labels)
        label = labels[label_id] if known else label_id
        if kind == "mask":
            mask = decode_segmentation(row.get("rle"), size, place)
        else:
            mask = draw_polygon(row.get("points"), size, place)
        person = attributes.get("person") if isinstance(attributes, dict) else None
        z = row.get("z_order") if isinstance(row.get("z_order"), int) else 0
        people.add(Shape(label, mask, person, place, z=z, polygon=kind == "polygon"))
    return people.finish()
