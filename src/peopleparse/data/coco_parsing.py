"""COCO data sets of parts: one annotation a part, linked to its person.

    {"images": [{"id", "file_name", "width", "height"}], "categories": [{"id", "name"}],
     "annotations": [{"id", "image_id", "category_id", "segmentation", "person_id", "score"}]}

One JSON for all images, or a folder or archive of JSONs, such as `<photo>_coco.json`.

Source: cocodataset/cocoapi (images, categories, annotations, segmentations). COCO itself links no
part to a person: `person_id`, `group_id` or `attributes.person` are this project's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import FileLabels, Side, describe_score, parse_json, parse_score
from peopleparse.data.rle import decode_segmentation
from peopleparse.errors import DataError
from peopleparse.labels import Scheme, get_scheme, scheme_names

PERSON = "person"
_LINKS = "'person_id', 'group_id' or 'attributes.person'"


@dataclass
class _Entry:
    """An image of a COCO file, not decoded."""

    place: str
    name: str = ""
    size: tuple[int, int] = (0, 0)
    categories: dict[Any, str] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class CocoLabels(FileLabels):
    """Parts of persons as COCO annotations; image ids are the file names without ending.

    A part belongs to the label that its category names. An annotation of the category "person"
    adds no pixel, but its score is its person's; without one the scores of a person's parts must
    agree. Where parts of one person overlap, the later annotation wins.

    Raises:
        DataError: a file is no COCO data set, or the scheme cannot be told from its categories.
    """

    format = "coco"

    def __init__(self, files: LabelFiles, scheme: Scheme | None, side: Side) -> None:
        names = list(files.files_in("", ".json").values())
        if not names:
            raise DataError(
                f"COCO {side} must be a JSON file, got none, at {files.path}. Name the file."
            )
        self._entries: dict[str, _Entry] = {}
        for name in names:
            self._add(files, name, alone=len(names) == 1)
        found = scheme or _find_scheme(self._entries, files)
        super().__init__(files, found, side, self._entries)
        every = (a for entry in self._entries.values() for a in entry.annotations)
        self._scored = side == "prediction" and any("score" in a for a in every)

    def _add(self, files: LabelFiles, name: str, alone: bool) -> None:
        try:
            found = _split_images(parse_json(files.read(name), files.place(name)), files, name)
        except DataError as error:
            if alone:
                raise
            stem = PurePosixPath(name).stem.removesuffix("_coco")
            found = {stem: _Entry(files.place(name), name, faults=[str(error)])}
        for image_id, entry in found.items():
            twin = self._entries.setdefault(image_id, entry)
            if twin is not entry:
                raise DataError(
                    f"image must be in COCO files once, got '{image_id}' again, at {entry.place}. "
                    "Remove one."
                )

    def names_of(self, image_id: str) -> list[str]:
        """Return the name of the file that holds the image."""
        return [self._entries[image_id].name] if image_id in self._entries else []

    def files_of(self, image_id: str) -> dict[str, bytes]:
        """Return the image's own part of its file, as JSON, for hashes."""
        entry = self._entries[image_id]
        names = sorted(entry.categories.items(), key=str)
        values = [entry.size, names, entry.annotations]
        return {f"{entry.name}#{image_id}": json.dumps(values, sort_keys=True).encode()}

    def _read(self, image_id: str, faults: list[str]) -> ImageLabels | None:
        entry = self._entries[image_id]
        if entry.faults:
            faults += entry.faults
            return None
        persons: dict[Any, list[dict[str, Any]]] = {}
        for found in entry.annotations:
            link = _find_person(found)
            if link is None:
                faults.append(
                    f"annotation must name its person in {_LINKS}, got none, "
                    f"at {_where(found, entry)}. Number the persons of each image."
                )
            else:
                persons.setdefault(link, []).append(found)
        ordered = sorted(persons, key=lambda link: (isinstance(link, str), link))
        maps = np.zeros((len(ordered), *entry.size), np.uint8)
        for index, link in enumerate(ordered):
            for found in persons[link]:
                self._paint(maps[index], found, entry, faults)
        scores = None
        if self._scored:
            scores = np.array(
                [_person_score(persons[link], entry, faults) for link in ordered], np.float64
            )
        return None if faults else ImageLabels(persons=maps, scores=scores)

    def _paint(
        self, labels: NDArray[np.uint8], found: dict[str, Any], entry: _Entry, faults: list[str]
    ) -> None:
        name = entry.categories[found["category_id"]]
        place = _where(found, entry)
        if found.get("iscrowd"):
            faults.append(
                f"iscrowd must be 0, got {found['iscrowd']}, at {place}. Leave crowds out."
            )
            return
        if name == PERSON:
            return
        if name not in self.scheme.names[1:]:
            faults.append(
                f"category must be a label of scheme '{self.scheme.name}' or '{PERSON}', "
                f"got '{name}', at {place}. Check which scheme the file was made with."
            )
            return
        value = found.get("segmentation")
        mask = self._try(faults, decode_segmentation, value, entry.size, place)
        if mask is not None:
            labels[mask] = self.scheme.id_of(name)


def _split_images(data: Any, files: LabelFiles, name: str) -> dict[str, _Entry]:
    """Return the images of a file by id, each with its annotations."""
    place = files.place(name)
    parts = data if isinstance(data, dict) else {}
    for key in ("images", "categories", "annotations"):
        if not _is_table(parts.get(key)):
            got = type(data).__name__ if not parts else "none or other values"
            raise DataError(
                f"COCO file must hold '{key}', a list of mappings, got {got}, at {place}. "
                "Write the whole data set, not a bare list of results."
            )
    categories = {row.get("id"): str(row.get("name")) for row in parts["categories"]}
    entries: dict[str, _Entry] = {}
    by_number: dict[Any, _Entry] = {}
    for row in parts["images"]:
        size = (row.get("height"), row.get("width"))
        image_id = PurePosixPath(str(row.get("file_name") or row.get("id"))).stem
        if not all(isinstance(length, int) and length > 0 for length in size):
            raise DataError(
                f"image must have a height and a width above 0, got {size}, at image "
                f"'{image_id}' of {place}. Write both in pixels."
            )
        if image_id in entries or row.get("id") in by_number:
            raise DataError(
                f"image must be in a COCO file once, got '{image_id}' again, at {place}. "
                "Remove one."
            )
        entries[image_id] = by_number[row.get("id")] = _Entry(place, name, size, categories)
    seen = set[Any]()
    for row in parts["annotations"]:
        _check_links(row, by_number, categories, seen, place)
        by_number[row["image_id"]].annotations.append(row)
    return entries


def _check_links(
    row: dict[str, Any],
    images: dict[Any, _Entry],
    categories: dict[Any, str],
    seen: set[Any],
    place: str,
) -> None:
    number = row.get("id")
    for key, known in (("image_id", images), ("category_id", categories)):
        if row.get(key) not in known:
            raise DataError(
                f"{key} must be one of the file's, got {row.get(key)!r}, "
                f"at annotation {number} of {place}. Correct it."
            )
    if number is not None and number in seen:
        raise DataError(
            f"annotation ids must be in a COCO file once, got {number} again, at {place}. "
            "Number them anew."
        )
    seen.add(number)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _find_person(found: dict[str, Any]) -> int | str | None:
    attributes = found.get("attributes")
    inner = attributes.get("person") if isinstance(attributes, dict) else None
    for link in (found.get("person_id"), found.get("group_id"), inner):
        if isinstance(link, int | str) and not isinstance(link, bool):
            return link
    return None


def _person_score(rows: list[dict[str, Any]], entry: _Entry, faults: list[str]) -> float:
    whole = [row for row in rows if entry.categories[row["category_id"]] == PERSON]
    scores = set[float]()
    for row in whole or rows:
        value = row.get("score")
        score = None if isinstance(value, str) else parse_score(value)
        if score is None:
            faults.append(describe_score(value, _where(row, entry)))
        else:
            scores.add(score)
    if len(scores) > 1:
        faults.append(
            f"scores of a person's parts must agree, got {sorted(scores)}, "
            f"at {_where(rows[0], entry)}. Add an annotation of the category '{PERSON}'."
        )
    return min(scores, default=0.0)


def _where(found: dict[str, Any], entry: _Entry) -> str:
    return f"annotation {found.get('id')} of {entry.place}"


def _find_scheme(entries: dict[str, _Entry], files: LabelFiles) -> Scheme:
    """Return the scheme whose labels are the categories of a file."""
    for entry in entries.values():
        names = set(entry.categories.values()) - {PERSON}
        for known in scheme_names():
            scheme = get_scheme(known)
            if names and names == {label.name for label in scheme.labels if label.id}:
                return scheme
    raise DataError(
        f"categories must be the labels of a scheme, got others, at {files.path}. "
        f"Name the scheme: {', '.join(scheme_names())}."
    )
