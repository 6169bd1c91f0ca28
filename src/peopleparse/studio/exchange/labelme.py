"""LabelMe: one JSON beside each picture, masks as small PNGs in it.

    <sheet>.jpg    <sheet>.json    labels.txt (for --labels)

The person is the group of a shape; occluded and truncated are its flags. What is known of photo
and persons is under "peopleparse", which LabelMe keeps as it is.

Source: the JSON that LabelMe 5 and 6 write (shape_type "mask": two corners, both inside, and a
PNG of 0 and 1 in base64).
"""

from __future__ import annotations

import base64
import binascii
import io
from collections import Counter
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.data.files import write_file
from peopleparse.errors import DataError
from peopleparse.labels import Scheme
from peopleparse.studio.exchange.facts import SIGHTS
from peopleparse.studio.exchange.files import ExchangeFiles, to_json
from peopleparse.studio.exchange.part_names import PartNames
from peopleparse.studio.exchange.people import People, Shape, draw_polygon
from peopleparse.studio.exchange.sheets import FoundSheet, Head, Sheet, SheetPerson, list_parts

_VERSION = "5.5.0"  # of the layout of the JSON
_OWN = "peopleparse"
_LABELS = "labels.txt"
_UNREADABLE = (
    *(TypeError, binascii.Error, OSError, SyntaxError, ValueError),
    Image.DecompressionBombError,
)


class LabelmeWriter:
    """Writes sheets one after the other."""

    def __init__(self, folder: Path, names: PartNames) -> None:
        self._folder, self._names = folder, names

    def photo_folder(self, sheet: Sheet) -> str:
        """Return the folder of a sheet's picture."""
        return ""

    def add(self, sheet: Sheet) -> None:
        """Write one sheet."""
        shapes = []
        for index, person in sheet.persons.items():
            flags = {s: person.facts[s] for s in SIGHTS if person.facts.get(s) is not None}
            for part in list_parts(person.labels):
                rows, columns = part.mask.shape
                corners = [[part.left, part.top], [part.left + columns - 1, part.top + rows - 1]]
                shapes.append(
                    {"label": self._names.name_of(part.label_id)}
                    | {"points": [[float(x), float(y)] for x, y in corners]}
                    | {"group_id": index, "description": "", "shape_type": "mask"}
                    | {"flags": flags, "mask": _encode(part.mask)}
                )
        persons = [{"index": k, **person.facts} for k, person in sheet.persons.items()]
        data = {
            "version": _VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": sheet.head.file,
            "imageData": None,
            "imageHeight": sheet.size[0],
            "imageWidth": sheet.size[1],
            _OWN: {**sheet.head.facts, "persons": persons},
        }
        write_file(self._folder / f"{sheet.head.name}.json", to_json(data, indent=1))

    def finish(self) -> None:
        """Write the list of labels."""
        lines = ["__ignore__", "_background_", *self._names.names]
        write_file(self._folder / _LABELS, "".join(f"{line}\n" for line in lines).encode())


def _encode(mask: NDArray[np.bool_]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def find_sheets(files: ExchangeFiles, scheme: Scheme) -> list[FoundSheet]:
    """Return the JSONs that LabelMe wrote.

    Raises:
        DataError: there is none, or one is broken.
    """
    names, found = PartNames(scheme), list[FoundSheet]()
    for name in files.find(".json"):
        data, place = files.read_json(name), files.place(name)
        if not isinstance(data, dict) or not isinstance(data.get("shapes"), list):
            continue
        height, width = data.get("imageHeight"), data.get("imageWidth")
        size = (height, width) if isinstance(height, int) and isinstance(width, int) else None
        own = data.get(_OWN)
        facts = own if isinstance(own, dict) else {}
        head = Head(PurePosixPath(name).stem, str(data.get("imagePath")), size, facts, place)
        found.append(FoundSheet(head, partial(_load, data["shapes"], names, head)))
    if not found:
        raise DataError(
            f"LabelMe folder must hold JSON files with shapes, got none, at {files.path}. "
            "Name the folder in which LabelMe saved."
        )
    return found


def _load(
    shapes: list[Any],
    names: PartNames,
    head: Head,
    own: int | None,
    size: tuple[int, int],
    losses: Counter[str],
) -> dict[int, SheetPerson]:
    people = People(head, own, size, names, losses)
    for number, shape in enumerate(shapes, 1):
        place = f"shape {number} of {head.place}"
        kind = shape.get("shape_type") if isinstance(shape, dict) else None
        if kind not in ("mask", "polygon"):
            people.skip()
            continue
        points = _read_points(shape.get("points"), place)
        flags = shape.get("flags")
        said = {s: bool(flags[s]) for s in SIGHTS if s in flags} if isinstance(flags, dict) else {}
        label, person = shape.get("label"), shape.get("group_id")
        if kind == "mask":
            mask, corner = _decode(shape.get("mask"), points, size, place)
            people.add(Shape(label, mask, person, place, corner, sights=said))
        else:
            mask = draw_polygon(points, size, place)
            people.add(Shape(label, mask, person, place, polygon=True, sights=said))
    return people.finish()


def _read_points(value: Any, place: str) -> NDArray[np.float64]:
    try:
        points = np.array(value, np.float64)
    except (TypeError, ValueError):
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] != 2 or not (np.abs(points) < 1e6).all():
        raise DataError(
            f"points of a shape must be a list of x and y, got {str(value)[:40]!r}, at {place}. "
            "Save it again with LabelMe."
        )
    return points


def _decode(
    text: Any, points: NDArray[np.float64], size: tuple[int, int], place: str
) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """Return a mask, and left and top of its box."""
    corners = points.astype(np.int64)
    (left, top), (right, bottom) = corners.tolist() if len(corners) == 2 else ((0, 0), (-1, -1))
    width, height = right - left + 1, bottom - top + 1
    if min(left, top) < 0 or min(width, height) < 1 or right >= size[1] or bottom >= size[0]:
        raise DataError(
            f"mask must lie on its photo of {size[1]} x {size[0]}, got corners "
            f"{corners.tolist()}, at {place}. Paint it on the same photo."
        )
    try:
        data = base64.b64decode(text, validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            found = image.size  # from the head: nothing is unpacked before it fits
            mask = np.array(image) if found == (width, height) else None
    except _UNREADABLE as error:
        raise DataError(
            f"mask must be a PNG in base64, got '{error}', at {place}. Save it again with LabelMe."
        ) from error
    if mask is None or mask.ndim != 2:
        raise DataError(
            f"mask must be {width} x {height} like its box, in grey, got {found[0]} x {found[1]}, "
            f"at {place}. Save it again with LabelMe."
        )
    return mask != 0, (left, top)
