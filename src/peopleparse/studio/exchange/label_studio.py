"""Label Studio: one task a sheet, masks as brush labels.

    tasks.json    config.xml (the labelling interface)    photos/<sheet>.jpg

`data` of a task carries the facts of photo and persons; Label Studio gives it back as it was.
Whether the person of a copy is occluded or truncated is a choice that annotators can change.

Source: HumanSignal/label-studio-sdk, converter/brush.py and the JSON of tasks.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from peopleparse.data.files import write_file
from peopleparse.errors import DataError
from peopleparse.labels import Scheme
from peopleparse.studio.exchange.facts import SIGHTS, check_person_facts
from peopleparse.studio.exchange.files import ExchangeFiles, to_json
from peopleparse.studio.exchange.part_names import PartNames
from peopleparse.studio.exchange.people import SOFT, People, Shape, parse_person
from peopleparse.studio.exchange.run_lengths import pack_mask, unpack_mask
from peopleparse.studio.exchange.sheets import (
    COPIES,
    FoundSheet,
    Head,
    PartMask,
    Sheet,
    SheetPerson,
    list_parts,
)

SEVERAL = "further annotations of one task, passed over for the latest"
_PHOTOS = "photos"
_TASKS, _CONFIG = "tasks.json", "config.xml"
_PHOTO, _PARTS, _SIGHTS = "photo", "parts", "sights"
_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")  # Label Studio puts this before names of uploads


class LabelStudioWriter:
    """Gathers sheets one after the other, then writes them as tasks."""

    def __init__(self, folder: Path, names: PartNames) -> None:
        self._folder, self._names = folder, names
        self._tasks: list[dict[str, Any]] = []

    def photo_folder(self, sheet: Sheet) -> str:
        """Return the folder of a sheet's picture."""
        return _PHOTOS

    def add(self, sheet: Sheet) -> None:
        """Add one sheet."""
        persons = [{"index": k, **person.facts} for k, person in sheet.persons.items()]
        address = f"/data/local-files/?d={_PHOTOS}/{sheet.head.file}"
        data = {"photo": address, "sheet": sheet.head.name, "persons": persons}
        height, width = sheet.size
        results = [
            self._describe_part(part, index, sheet.size)
            for index, person in sheet.persons.items()
            for part in list_parts(person.labels)
        ]
        if sheet.head.facts.get("layout") == COPIES:
            for person in sheet.persons.values():
                results += _describe_sights(person.facts)
        for number, result in enumerate(results, 1):
            result["id"] = f"r{number}"
        self._tasks.append(
            {"id": len(self._tasks) + 1}
            | {"data": {**data, "width": width, "height": height, **sheet.head.facts}}
            | {"annotations": [{"result": results}]}
        )

    def _describe_part(self, part: PartMask, index: int, size: tuple[int, int]) -> dict[str, Any]:
        mask = np.zeros(size, bool)
        rows, columns = part.mask.shape
        mask[part.top : part.top + rows, part.left : part.left + columns] = part.mask
        name = self._names.name_of(part.label_id)
        return {
            **{"type": "brushlabels", "from_name": _PARTS, "to_name": _PHOTO},
            **{"original_width": size[1], "original_height": size[0], "image_rotation": 0},
            "value": {"format": "rle", "rle": pack_mask(mask), "brushlabels": [name]},
            "meta": {"person": index, "text": [f"person {index}"]},
        }

    def finish(self) -> None:
        """Write the tasks and the labelling interface."""
        write_file(self._folder / _TASKS, to_json(self._tasks))
        write_file(self._folder / _CONFIG, _make_config(self._names))


def _describe_sights(facts: Any) -> list[dict[str, Any]]:
    chosen = [sight for sight in SIGHTS if facts.get(sight)]
    if not chosen:
        return []
    result = {"type": "choices", "from_name": _SIGHTS, "to_name": _PHOTO}
    return [{**result, "value": {"choices": chosen}}]


def _make_config(names: PartNames) -> bytes:
    view = Element("View")
    SubElement(view, "Image", {"name": _PHOTO, "value": "$photo", "zoom": "true"})
    parts = SubElement(view, "BrushLabels", {"name": _PARTS, "toName": _PHOTO})
    for _, name, color in names.rows:
        SubElement(parts, "Label", {"value": name, "background": color})
    sights = {"name": _SIGHTS, "toName": _PHOTO, "choice": "multiple"}
    choices = SubElement(view, "Choices", sights)
    for sight in SIGHTS:
        SubElement(choices, "Choice", {"value": sight})
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="utf-8") + b"\n"


def find_sheets(files: ExchangeFiles, scheme: Scheme) -> list[FoundSheet]:
    """Return the tasks of the JSON files.

    Raises:
        DataError: there is no list of tasks, or one is broken.
    """
    names, found = PartNames(scheme), list[FoundSheet]()
    for name in files.find(".json"):
        tasks, place = files.read_json(name), files.place(name)
        if not isinstance(tasks, list):
            continue
        for number, task in enumerate(tasks, 1):
            found.append(_find_sheet(task, names, f"task {number} of {place}"))
    if not found:
        raise DataError(
            f"Label Studio export must hold a JSON list of tasks, got none, at {files.path}. "
            "Export the project as JSON."
        )
    return found


def _find_sheet(task: Any, names: PartNames, place: str) -> FoundSheet:
    data = task.get("data") if isinstance(task, dict) else None
    if not isinstance(data, dict):
        raise DataError(
            f"task must have data, got {str(task)[:40]!r}, at {place}. Export the project as JSON, "
            "not as JSON-MIN."
        )
    address = unquote(str(data.get("photo") or data.get("image") or ""))
    file = PurePosixPath(address.rpartition("=")[2]).name
    uploaded = _UPLOADED.fullmatch(file)
    name = data.get("sheet") or PurePosixPath(uploaded[1] if uploaded else file).stem
    height, width = data.get("height"), data.get("width")
    size = (height, width) if isinstance(height, int) and isinstance(width, int) else None
    head = Head(str(name), file, size, data, place)
    return FoundSheet(head, partial(_load, task, names, head))


def _load(
    task: dict[str, Any],
    names: PartNames,
    head: Head,
    own: int | None,
    size: tuple[int, int],
    losses: Counter[str],
) -> dict[int, SheetPerson]:
    people = People(head, own, size, names, losses)
    sights: list[str] | None = None
    for number, result in enumerate(_find_results(task, head.place, losses), 1):
        place = f"region {number} of {head.place}"
        value = result.get("value") if isinstance(result, dict) else None
        if isinstance(value, dict) and value.get("format") == "rle":
            people.add(_read_region(result, value, size, place, losses))
        elif isinstance(value, dict) and result.get("from_name") == _SIGHTS:
            chosen = value.get("choices")
            sights = chosen if isinstance(chosen, list) else []
        else:
            people.skip()
    if own:
        _see(people, own, head, sights)
    return people.finish()


def _find_results(task: dict[str, Any], place: str, losses: Counter[str]) -> list[Any]:
    """Return the regions of a task's latest annotation that was not cancelled."""
    rows = task.get("annotations", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(
            f"annotations of a task must be a list of mappings, got {str(rows)[:40]!r}, at {place}."
            " Export the project as JSON."
        )
    kept = [row for row in rows if not row.get("was_cancelled")]
    losses[SEVERAL] += max(len(kept) - 1, 0)
    latest = max(
        enumerate(kept), key=lambda row: (str(row[1].get("updated_at", "")), row[0]), default=None
    )
    results = latest[1].get("result") if latest else []
    return results if isinstance(results, list) else []


def _read_region(
    result: dict[str, Any],
    value: dict[str, Any],
    size: tuple[int, int],
    place: str,
    losses: Counter[str],
) -> Shape:
    found = (result.get("original_height"), result.get("original_width"))
    if found != size or result.get("image_rotation"):
        turned = f", turned by {result['image_rotation']}" if result.get("image_rotation") else ""
        raise DataError(
            f"mask must be painted on its photo of {size[1]} x {size[0]}, got {found[1]} x "
            f"{found[0]}{turned}, at {place}. Paint it on the same photo, upright."
        )
    rle, labels = value.get("rle"), value.get("brushlabels")
    if not isinstance(labels, list) or len(labels) != 1:
        raise DataError(
            f"region must have one label, got {labels}, at {place}. Give it the label of its part."
        )
    mask, soft = unpack_mask(rle if isinstance(rle, list) else [], size, place)
    losses[SOFT] += soft
    meta = result.get("meta")
    person = meta.get("person") if isinstance(meta, dict) else None
    return Shape(labels[0], mask, person, place)


def _see(people: People, own: int, head: Head, sights: list[str] | None) -> None:
    """Take over the choices: what was exported as chosen and is gone was taken back."""
    listed = head.facts.get("persons")
    before: dict[str, Any] = {}
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and parse_person(entry.get("index")) == own:
            before = check_person_facts(entry, head.place)
    for sight in SIGHTS:
        if sights is not None and sight in sights:
            people.say(own, {sight: True})
        elif before.get(sight):
            people.say(own, {sight: False})
