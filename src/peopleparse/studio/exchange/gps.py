"""The GPS form: one PNG a person, which is one copy a person already; see peopleparse.data.gps.

images/<photo>.jpg    annotations/<photo>/<photo>.json    annotations/<photo>/<sheet>.png
"""

from __future__ import annotations

import io
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from peopleparse.data.gps import write_annotation
from peopleparse.data.gps_labels import GpsLabels
from peopleparse.data.gps_record import COMPUTED_FIELDS
from peopleparse.data.label_files import LabelFiles
from peopleparse.errors import DataError
from peopleparse.labels import Scheme
from peopleparse.structures import Annotation
from peopleparse.studio.exchange.files import ExchangeFiles
from peopleparse.studio.exchange.part_names import PartNames
from peopleparse.studio.exchange.sheets import FoundSheet, Head, Sheet, SheetPerson


class GpsWriter:
    """Writes photos one after the other."""

    def __init__(self, folder: Path, names: PartNames) -> None:
        self._folder, self._scheme = folder, names.scheme

    def photo_folder(self, sheet: Sheet) -> str:
        """Return the folder of a photo."""
        return "images"

    def add(self, sheet: Sheet) -> None:
        """Write one photo with all its persons.

        Raises:
            DataError: its file is missing.
        """
        facts, persons = sheet.head.facts, list(sheet.persons.values())
        if sheet.photo is None:
            raise DataError(
                f"photo must be a file in the GPS form, got none for '{sheet.head.name}'. "
                "Put it back, or export in another form."
            )
        maps = [person.labels for person in persons]
        labels = np.stack(maps) if maps else np.zeros((0, *sheet.size), np.uint8)
        fields = [_drop(person.facts) for person in persons]
        write_annotation(
            self._folder,
            Annotation(labels, self._scheme, sheet.head.name),
            sheet.photo,
            facts.get("subset"),
            str(facts.get("split") or "train"),
            extra=facts.get("extra"),
            persons=fields,
        )

    def finish(self) -> None:
        """Nothing is left to write."""


def _drop(fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in COMPUTED_FIELDS}


def find_sheets(files: ExchangeFiles, scheme: Scheme) -> list[FoundSheet]:
    """Return the photos of a GPS folder or archive.

    Raises:
        DataError: it is none.
    """
    labels = GpsLabels(LabelFiles(files.path), scheme, "truth")
    return [_find_sheet(labels, image_id) for image_id in labels.ids]


def _find_sheet(labels: GpsLabels, image_id: str) -> FoundSheet:
    record = labels.record_of(image_id)
    image, place = record["image"], labels.place_of(image_id)
    persons = [dict(person) for person in record["persons"] if isinstance(person, dict)]
    for number, person in enumerate(persons, 1):
        person["index"] = number
    facts = {**image, "image_id": image_id, "n_persons": record["n_persons"], "persons": persons}
    size = (image["height"], image["width"])
    head = Head(image_id, image["file"], size, facts, place)
    return FoundSheet(head, partial(_load, labels, head, persons))


def _load(
    labels: GpsLabels,
    head: Head,
    persons: list[dict[str, Any]],
    own: int | None,
    size: tuple[int, int],
    losses: Counter[str],
) -> dict[int, SheetPerson]:
    del own, losses  # a photo has all its persons, and nothing can be lost
    for name in labels.names_of(head.name):
        if name.endswith(".png"):
            _check_size(labels.files.read(name), size, labels.files.place(name))
    maps = labels.read(head.name).persons
    assert isinstance(maps, np.ndarray)
    return {
        number: SheetPerson(parsing, fields)
        for number, (parsing, fields) in enumerate(zip(maps, persons, strict=True), 1)
    }


def _check_size(data: bytes, size: tuple[int, int], place: str) -> None:
    """Raise where a PNG says that it has another size, before it is unpacked."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            found = image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"label PNG must be readable, got '{error}', at {place}. Write or fetch it again."
        ) from error
    if found != (size[1], size[0]):
        raise DataError(
            f"label PNG must be {size[1]} x {size[0]} like its photo, got {found[0]} x {found[1]}, "
            f"at {place}. Write it again."
        )
