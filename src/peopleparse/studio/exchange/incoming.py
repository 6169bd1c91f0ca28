"""Photos as an import finds them: sheets sorted to their photo, their persons put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peopleparse.errors import DataError
from peopleparse.studio.exchange.facts import check_person_facts, check_photo_facts
from peopleparse.studio.exchange.sheets import FoundSheet, Head, SheetPerson, find_photo


@dataclass(frozen=True)
class PhotoSheets:
    """The sheets of one photo.

    Attributes:
        image_id: the photo.
        sheets: each sheet, and the person whose copy it is, 0 for a photo of nobody or None where
            all persons are on it.
        count: number of persons, or None where nothing says it.
    """

    image_id: str
    sheets: Sequence[tuple[FoundSheet, int | None]]
    count: int | None

    @property
    def place(self) -> str:
        """Where the first sheet is, for errors."""
        return self.sheets[0][0].head.place

    def load(
        self, size: tuple[int, int], sha256: str | None, losses: Counter[str]
    ) -> dict[int, SheetPerson]:
        """Return the persons by number; those that are in no sheet are left out.

        Args:
            size: height and width of the photo.
            sha256: of the photo's file, or None to leave it unchecked.
            losses: takes what is lost.

        Raises:
            DataError: a sheet is broken or of another photo.
        """
        persons: dict[int, SheetPerson] = {}
        for sheet, own in self.sheets:
            _check_head(sheet.head, size, sha256)
            for index, person in sheet.load(own, size, losses).items():
                facts = check_person_facts(person.facts, sheet.head.place)
                persons[index] = SheetPerson(person.labels, facts)
        over = [index for index in persons if self.count is not None and index > self.count]
        if over:
            raise DataError(
                f"persons must be numbered 1 to {self.count}, got {over}, at {self.place}. "
                "Number them as they were exported."
            )
        return persons


def _check_head(head: Head, size: tuple[int, int], sha256: str | None) -> None:
    if head.size is not None and tuple(head.size) != size:
        raise DataError(
            f"masks must be {size[1]} x {size[0]} like their photo, got {head.size[1]} x "
            f"{head.size[0]}, at {head.place}. Work on the photo of the project, never resized."
        )
    said = check_photo_facts(head.facts, head.place).get("sha256")
    if said and sha256 and said != sha256:
        raise DataError(
            f"photo must be the one that was exported, with sha256 {str(said)[:12]}..., got "
            f"{sha256[:12]}..., at {head.place}. Import into the project that it came from."
        )


def sort_sheets(
    found: Sequence[FoundSheet], ids: Mapping[str, Any]
) -> tuple[list[PhotoSheets], list[str]]:
    """Return the photos by id, and the names of sheets whose photo is not in `ids`.

    Raises:
        DataError: a sheet is there twice, or sheets of one photo disagree on its persons.
    """
    unknown: list[str] = []
    groups: dict[str, list[tuple[FoundSheet, int | None, int | None]]] = {}
    for sheet in found:
        place = find_photo(sheet.head.name, ids)
        if place is None:
            unknown.append(sheet.head.name)
        else:
            groups.setdefault(place[0], []).append((sheet, place[2], place[1]))
    photos = [_join(image_id, rows) for image_id, rows in sorted(groups.items())]
    return photos, sorted(unknown)


def _join(image_id: str, rows: Sequence[tuple[FoundSheet, int | None, int | None]]) -> PhotoSheets:
    owners = [own for _, own, _ in rows]
    head = rows[0][0].head
    if len(set(owners)) < len(owners) or (None in owners and len(owners) > 1):
        raise DataError(
            f"photo must have one sheet, or one copy for each person, got others for '{image_id}', "
            f"at {head.place}. Import one export at a time."
        )
    counts = {count for _, _, count in rows}
    if counts == {None}:
        counts = {check_photo_facts(head.facts, head.place).get("n_persons")}
    if len(counts) > 1:
        said = ", ".join(sorted(map(str, counts)))
        raise DataError(
            f"copies of a photo must agree on the number of its persons, got {said} for "
            f"'{image_id}', at {head.place}. Import one export at a time."
        )
    sheets = sorted(((sheet, own) for sheet, own, _ in rows), key=lambda row: row[1] or 0)
    return PhotoSheets(image_id, sheets, counts.pop())
