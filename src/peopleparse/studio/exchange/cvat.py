"""CVAT for images 1.1: masks as run lengths in an XML, a group and an attribute for the person.

    annotations.xml    images/<sheet>.jpg    labels.json (to make the task with)

CVAT drops attributes that its task does not declare, so all are declared: `person` of each part,
and two tags, `photo` and `person`, that carry what is known of both. A person without a pixel is
a tag without masks.

Source: cvat-ai/cvat, XML annotation format 1.1.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from peopleparse.data.files import write_file
from peopleparse.errors import DataError
from peopleparse.labels import Scheme
from peopleparse.studio.exchange.facts import PERSON_FACTS, PHOTO_FACTS, SIGHTS
from peopleparse.studio.exchange.files import ExchangeFiles, to_json
from peopleparse.studio.exchange.part_names import PartNames
from peopleparse.studio.exchange.people import People, Shape, draw_polygon, parse_person
from peopleparse.studio.exchange.run_lengths import decode_rows, encode_rows
from peopleparse.studio.exchange.sheets import (
    FoundSheet,
    Head,
    PartMask,
    Sheet,
    SheetPerson,
    list_parts,
)

_PHOTOS = "images"
_FILE, _LABELS = "annotations.xml", "labels.json"
_PHOTO, _PERSON = "photo", "person"
_UNSAID = "unsaid"
_TAG_COLOR = "#808080"
_BOX = ("left", "top", "width", "height")
_TEXTS = ("image_id", "layout", "order", "sha256", "subset", "split", "uid", "status", "annotator")


class CvatWriter:
    """Gathers sheets one after the other, then writes them as one XML."""

    def __init__(self, folder: Path, names: PartNames) -> None:
        self._folder, self._names = folder, names
        self._root = Element("annotations")
        SubElement(self._root, "version").text = "1.1"
        task = SubElement(SubElement(self._root, "meta"), "task")
        SubElement(task, "name").text = "people"
        self._size = SubElement(task, "size")
        SubElement(task, "mode").text = "annotation"
        _declare(SubElement(task, "labels"), names)
        self._count = 0

    def photo_folder(self, sheet: Sheet) -> str:
        """Return the folder of a sheet's picture."""
        return _PHOTOS

    def add(self, sheet: Sheet) -> None:
        """Add one sheet."""
        height, width = sheet.size
        facts = {"id": self._count, "name": sheet.head.file, "width": width, "height": height}
        image = SubElement(self._root, "image", {key: str(value) for key, value in facts.items()})
        _tag(image, _PHOTO, {name: sheet.head.facts.get(name) for name in PHOTO_FACTS})
        for index, person in sheet.persons.items():
            said = {name: person.facts.get(name) for name in PERSON_FACTS}
            _tag(image, _PERSON, {"person": index, **said})
            occluded = bool(person.facts.get("occluded"))
            for part in list_parts(person.labels):
                self._add_mask(image, part, index, occluded)
        self._count += 1

    def _add_mask(self, image: Element, part: PartMask, index: int, occluded: bool) -> None:
        values = {
            "label": self._names.name_of(part.label_id),
            "source": "file",
            "occluded": int(occluded),
            "rle": ", ".join(map(str, encode_rows(part.mask))),
            "left": part.left,
            "top": part.top,
            "width": part.mask.shape[1],
            "height": part.mask.shape[0],
            "z_order": 0,
            "group_id": index,
        }
        mask = SubElement(image, "mask", {name: str(value) for name, value in values.items()})
        SubElement(mask, "attribute", {"name": "person"}).text = str(index)

    def finish(self) -> None:
        """Write the XML and the labels of the task."""
        self._size.text = str(self._count)
        ElementTree.indent(self._root)
        data = ElementTree.tostring(self._root, encoding="utf-8", xml_declaration=True)
        write_file(self._folder / _FILE, data + b"\n")
        write_file(self._folder / _LABELS, to_json(describe_labels(self._names), indent=1))


def describe_labels(names: PartNames) -> list[dict[str, Any]]:
    """Return the labels as CVAT takes them when a task is made ("Raw")."""
    parts = [
        {"name": name, "color": color, "type": "mask"} | {"attributes": [_attribute("person")]}
        for _, name, color in names.rows
    ]
    tags = [
        {"name": tag, "color": _TAG_COLOR, "type": "tag"}
        | {"attributes": [_attribute(name) for name in fields]}
        for tag, fields in ((_PHOTO, PHOTO_FACTS), (_PERSON, ("person", *PERSON_FACTS)))
    ]
    return parts + tags


def _attribute(name: str) -> dict[str, Any]:
    choices = [_UNSAID, "true", "false"] if name in SIGHTS else [""]
    kind = "select" if name in SIGHTS else "text"
    return {
        **{"name": name, "mutable": False, "input_type": kind},
        **{"default_value": choices[0], "values": choices},
    }


def _declare(labels: Element, names: PartNames) -> None:
    for row in describe_labels(names):
        label = SubElement(labels, "label")
        for key in ("name", "color", "type"):
            SubElement(label, key).text = row[key]
        attributes = SubElement(label, "attributes")
        for given in row["attributes"]:
            attribute = SubElement(attributes, "attribute")
            for key in ("name", "mutable", "input_type", "default_value"):
                SubElement(attribute, key).text = str(given[key])
            SubElement(attribute, "values").text = "\n".join(given["values"])


def _tag(image: Element, label: str, values: Mapping[str, Any]) -> None:
    tag = SubElement(image, "tag", {"label": label, "source": "file"})
    for name, value in values.items():
        if value is not None or name in SIGHTS:
            SubElement(tag, "attribute", {"name": name}).text = _to_text(name, value)


def _to_text(name: str, value: Any) -> str:
    if name in SIGHTS and value is None:
        return _UNSAID
    return value if isinstance(value, str) else json.dumps(value)


def _from_text(name: str, text: str, place: str) -> Any:
    if not text or (name in SIGHTS and text == _UNSAID):
        return None
    if name in _TEXTS:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(
            f"{name} must be a value as it was exported, got {text[:40]!r}, at {place}. "
            "Correct it, or empty it."
        ) from None


def find_sheets(files: ExchangeFiles, scheme: Scheme) -> list[FoundSheet]:
    """Return the images of the XML files.

    Raises:
        DataError: there is no such XML, or one is broken or of a video.
    """
    names, found = PartNames(scheme), list[FoundSheet]()
    for name in files.find(".xml"):
        root, place = files.read_xml(name), files.place(name)
        if root.tag != "annotations":
            continue
        if root.find("track") is not None:
            raise DataError(
                f"CVAT export must be 'CVAT for images', got tracks of a video, at {place}. "
                "Export it in that format."
            )
        found += [_find_sheet(image, names, place) for image in root.iter("image")]
    if not found:
        raise DataError(
            f"CVAT export must hold an annotations.xml with images, got none, at {files.path}. "
            "Export the task as 'CVAT for images 1.1'."
        )
    return found


def _find_sheet(image: Element, names: PartNames, place: str) -> FoundSheet:
    file = image.get("name", "")
    place = f"image '{file}' of {place}"
    size = _whole(image, "height", place), _whole(image, "width", place)
    facts: dict[str, Any] = {}
    for tag in image.findall("tag"):
        if tag.get("label") == _PHOTO:
            facts = _read_attributes(tag, place)
    head = Head(PurePosixPath(file).stem, file, size, facts, place)
    return FoundSheet(head, partial(_load, image, names, head))


def _read_attributes(element: Element, place: str) -> dict[str, Any]:
    found = {}
    for attribute in element.findall("attribute"):
        name = attribute.get("name", "")
        found[name] = _from_text(name, attribute.text or "", place)
    return found


def _load(
    image: Element,
    names: PartNames,
    head: Head,
    own: int | None,
    size: tuple[int, int],
    losses: Counter[str],
) -> dict[int, SheetPerson]:
    people = People(head, own, size, names, losses)
    told = False
    for tag in image.findall("tag"):
        if tag.get("label") == _PERSON:
            facts = _read_attributes(tag, head.place)
            index = parse_person(facts.get("person"))
            if index is not None:
                people.say(index, facts)
                told = True
    for number, element in enumerate(image, 1):
        place = f"shape {number} of {head.place}"
        if element.tag == "mask":
            people.add(_read_mask(element, size, place, told))
        elif element.tag == "polygon":
            people.add(_read_polygon(element, size, place))
        elif element.tag != "tag":
            people.skip()
    return people.finish()


def _read_mask(element: Element, size: tuple[int, int], place: str, told: bool) -> Shape:
    left, top, width, height = (_whole(element, name, place) for name in _BOX)
    if min(width, height) < 1 or left + width > size[1] or top + height > size[0]:
        raise DataError(
            f"mask must lie on its photo of {size[1]} x {size[0]}, got {width} x {height} at "
            f"({left}, {top}), at {place}. Paint it on the same photo."
        )
    try:
        counts = [int(text) for text in element.get("rle", "").split(",")]
    except ValueError:
        raise DataError(
            f"rle must be whole numbers with commas, got {element.get('rle', '')[:40]!r}, "
            f"at {place}. Export the task again."
        ) from None
    mask = decode_rows(counts, (height, width), place)
    # What the tag of the person says counts: CVAT sets `occluded` mask by mask.
    sights = {} if told else {"occluded": element.get("occluded") == "1"}
    person, z = _find_person(element), _whole(element, "z_order", place, signed=True)
    return Shape(element.get("label"), mask, person, place, (left, top), z, sights=sights)


def _read_polygon(element: Element, size: tuple[int, int], place: str) -> Shape:
    points = element.get("points", "").replace(";", ",").split(",")
    mask = draw_polygon(points, size, place)
    z = _whole(element, "z_order", place, signed=True)
    return Shape(element.get("label"), mask, _find_person(element), place, z=z, polygon=True)


def _find_person(element: Element) -> str | None:
    for attribute in element.findall("attribute"):
        if attribute.get("name") == "person" and attribute.text:
            return attribute.text
    return element.get("group_id")


def _whole(element: Element, name: str, place: str, signed: bool = False) -> int:
    text = element.get(name, "0" if signed else "")
    digits = text.removeprefix("-") if signed else text
    if not (digits.isascii() and digits.isdigit() and len(digits) < 8):
        raise DataError(
            f"{name} must be a whole number, got '{text[:40]}', at {place}. Export the task again."
        )
    return int(text)
