"""One photo of a project on its way out: its file, its persons, what is known; and its sheets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.gps_record import COMPUTED_FIELDS, ORDER
from peopleparse.studio.exchange.facts import FURTHER, PERSON_FACTS, PHOTO_FACTS
from peopleparse.studio.exchange.sheets import (
    COPIES,
    TOGETHER,
    Head,
    Sheet,
    SheetPerson,
    name_copy,
)

SHARED = "pixels that several persons claim, kept for each of them"
_OWN_BUSINESS = ("saved_at", "score")  # when the project was saved says nothing elsewhere


@dataclass(frozen=True, eq=False)
class PhotoSource:
    """One photo of a project.

    Attributes:
        image_id: name without folder and ending.
        file: name of the picture.
        photo: its path, or None where it is missing.
        labels: (N, H, W) uint8, one label map a person, left to right.
        persons: fields of each person.
        facts: of the photo: sha256, subset, split, and counted: whether somebody counted persons.
        extra: further fields of its JSON.
    """

    image_id: str
    file: str
    photo: Path | None
    labels: NDArray[np.uint8] = field(repr=False)
    persons: Sequence[Mapping[str, Any]]
    facts: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def make_whole(source: PhotoSource) -> Sheet:
    """Return the sheet of the GPS form: all persons, every field."""
    persons = {
        number: SheetPerson(labels, fields)
        for number, (labels, fields) in enumerate(
            zip(source.labels, source.persons, strict=True), 1
        )
    }
    facts = {**source.facts, "extra": dict(source.extra)}
    return Sheet(_head(source, source.image_id, facts), persons, source.photo)


def make_sheets(source: PhotoSource, layout: str, losses: Counter[str]) -> Iterator[Sheet]:
    """Yield the sheets of a photo: one with all persons, or a copy for each.

    Args:
        source: the photo. One without persons has one sheet without any in both layouts.
        layout: "copies" or "together".
        losses: takes the count of fields that only the GPS form carries.
    """
    count = len(source.labels)
    facts = {name: source.facts.get(name) for name in PHOTO_FACTS}
    facts |= {"image_id": source.image_id, "layout": layout}
    facts |= {"n_persons": count, "order": ORDER}
    persons = {}
    for number, (labels, fields) in enumerate(zip(source.labels, source.persons, strict=True), 1):
        persons[number] = SheetPerson(labels, {name: fields.get(name) for name in PERSON_FACTS})
        losses[FURTHER] += _count_further(fields)
    losses[FURTHER] += len(source.extra)
    if layout == TOGETHER:
        yield Sheet(_head(source, source.image_id, facts), persons, source.photo)
        return
    assert layout == COPIES
    for number in range(1, count + 1) if count else (0,):
        head = _head(source, name_copy(source.image_id, count, number), facts)
        yield Sheet(head, {number: persons[number]} if number else {}, source.photo)


def count_shared(labels: NDArray[np.uint8]) -> int:
    """Return the number of pixels on which several persons have a label or ignore what is there."""
    return int(((labels > 0).sum(axis=0) > 1).sum())


def _head(source: PhotoSource, name: str, facts: Mapping[str, Any]) -> Head:
    height, width = source.labels.shape[1:]
    return Head(name, f"{name}{Path(source.file).suffix.lower()}", (height, width), facts)


def _count_further(fields: Mapping[str, Any]) -> int:
    known = {*PERSON_FACTS, *COMPUTED_FIELDS, *_OWN_BUSINESS}
    return sum(value is not None for name, value in fields.items() if name not in known)
