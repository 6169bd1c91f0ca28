"""The persons of a sheet, gathered from the shapes of another tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.rle import fill_polygon
from peopleparse.errors import DataError
from peopleparse.studio.exchange.facts import SIGHTS, check_person_facts
from peopleparse.studio.exchange.part_names import PartNames
from peopleparse.studio.exchange.sheets import Head, SheetPerson, paint

POLYGONS = "shapes drawn as polygons, turned to pixels as COCO does"
SKIPPED = "shapes that are no mask or polygon, passed over"
SOFT = "half transparent pixels, made in or out"
_MOST_PERSONS = 65535


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape of another tool.

    Attributes:
        label: name of its part there.
        mask: (h, w) bool, at `corner`.
        person: number of its person, however the tool wrote it, or None.
        place: where it is, for errors.
        corner: left and top.
        z: what lies above wins; else what comes later does.
        polygon: it was one.
        sights: whether the tool says that the person is occluded or truncated.
    """

    label: object
    mask: NDArray[np.bool_] = field(repr=False)
    person: object
    place: str
    corner: tuple[int, int] = (0, 0)
    z: int = 0
    polygon: bool = False
    sights: Mapping[str, bool] = field(default_factory=dict)


class People:
    """Gathers the shapes of one sheet.

    Args:
        head: the sheet; `persons` among its facts lists what is known of each person.
        own: person whose copy the sheet is: everything on it is theirs. None where all are on it.
        size: of the photo.
        names: of the parts.
        losses: takes what is lost.
    """

    def __init__(
        self,
        head: Head,
        own: int | None,
        size: tuple[int, int],
        names: PartNames,
        losses: Counter[str],
    ) -> None:
        self._head, self._own, self._size = head, own, size
        self._names, self._losses = names, losses
        self._shapes: list[tuple[int, int, Shape]] = []
        self._facts = _list_facts(head, own)

    def skip(self, count: int = 1) -> None:
        """Count shapes that are neither masks nor polygons."""
        self._losses[SKIPPED] += count

    def add(self, shape: Shape) -> None:
        """Add one shape.

        Raises:
            DataError: it names no person where it must.
        """
        self._shapes.append((shape.z, self._person_of(shape), shape))
        self._losses[POLYGONS] += shape.polygon

    def say(self, index: int, facts: Mapping[str, Any]) -> None:
        """Add facts of a person that the tool keeps elsewhere."""
        known = self._facts.setdefault(index if self._own is None else self._own, {})
        known.update(check_person_facts(facts, self._head.place))

    def finish(self) -> dict[int, SheetPerson]:
        """Return the persons by number: those with a shape, and those that are listed.

        Raises:
            DataError: a label is unknown, or a mask leaves the photo.
        """
        indices = {*self._facts, *(index for _, index, _ in self._shapes)}
        if self._own:
            indices.add(self._own)
        maps = {index: np.zeros(self._size, np.uint8) for index in sorted(indices)}
        for _, index, shape in sorted(self._shapes, key=lambda row: row[0]):
            label_id = self._names.id_of(shape.label, shape.place)
            paint(maps[index], shape.mask, label_id, self._losses, shape.corner)
        for index in maps:
            self._see(index)
        return {i: SheetPerson(labels, self._facts.get(i, {})) for i, labels in maps.items()}

    def _see(self, index: int) -> None:
        """Take over what the shapes of a person say of being occluded or truncated."""
        for sight in SIGHTS:
            said = [
                shape.sights[sight]
                for _, owner, shape in self._shapes
                if owner == index and sight in shape.sights
            ]
            if said:
                self._facts.setdefault(index, {})[sight] = any(said)

    def _person_of(self, shape: Shape) -> int:
        if self._own is not None:
            return self._own
        index = parse_person(shape.person)
        if index is None:
            raise DataError(
                f"mask must name its person by a number from 1, got {str(shape.person)[:40]!r}, "
                f"at {shape.place}. Number it there, or work on one copy a person."
            )
        return index


def _list_facts(head: Head, own: int | None) -> dict[int, dict[str, Any]]:
    listed = head.facts.get("persons")
    found: dict[int, dict[str, Any]] = {}
    for entry in listed if isinstance(listed, list) else []:
        index = parse_person(entry.get("index")) if isinstance(entry, dict) else None
        if index is None:
            raise DataError(
                f"persons of a sheet must have an index from 1, got {str(entry)[:40]!r}, "
                f"at {head.place}. Leave them as they were exported."
            )
        found[index if own is None else own] = check_person_facts(entry, head.place)
    return found


def parse_person(value: object) -> int | None:
    """Return the number of a person, None for anything else.

    >>> parse_person("2"), parse_person(2.0), parse_person(0), parse_person(True)
    (2, 2, None, None)
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 1 <= value <= _MOST_PERSONS else None


def draw_polygon(points: object, size: tuple[int, int], place: str) -> NDArray[np.bool_]:
    """Return the (H, W) mask of a polygon, x1, y1, x2, y2 and so on, as COCO draws it.

    Raises:
        DataError: it is none, or lies farther off the photo than the photo is large.
    """
    try:
        values = np.array(points, np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        values = np.full((1, 2), np.nan)
    limit = np.array([size[1], size[0]], np.float64)
    near = (values >= -limit) & (values <= 2 * limit)  # a line costs as much as it is long
    if len(values) < 3 or not near.all():
        raise DataError(
            f"polygon must have three points and more, near its photo of {size[1]} x {size[0]}, "
            f"got {str(points)[:40]!r}, at {place}. Draw it on the same photo."
        )
    return fill_polygon(values.ravel().tolist(), size)
