"""Sheets: what another tool sees of a photo, all its persons or one copy of it for each person.

A copy is named as the paper's second step has it: `<photo>_<NN>_<KK>`, person KK of NN, left to
right. Every tool keeps file names, so a copy finds its way back whatever else the tool drops.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.structures import mask_box

COPIES, TOGETHER = "copies", "together"
LAYOUTS = (COPIES, TOGETHER)
OVERWRITTEN = "pixels that two parts of one person claimed (the upper one keeps them)"
_COPY = re.compile(r"(.+)_(\d{2,})_(\d{2,})")


@dataclass(frozen=True, eq=False)
class SheetPerson:
    """One person on a sheet.

    Attributes:
        labels: (H, W) uint8 label ids.
        facts: what is known beside the pixels, such as uid, click_xy or occluded.
    """

    labels: NDArray[np.uint8] = field(repr=False)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Head:
    """What a sheet says before its masks are read.

    Attributes:
        name: name of its picture without folder and ending.
        file: name of its picture.
        size: height and width, or None where the file does not say it.
        facts: what is known of the photo, such as n_persons, sha256 or split.
        place: where the sheet is, for errors.
    """

    name: str
    file: str
    size: tuple[int, int] | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""


@dataclass(frozen=True, eq=False)
class Sheet:
    """One picture as another tool gets it: the head, and its persons by number."""

    head: Head
    persons: Mapping[int, SheetPerson]
    photo: Path | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        assert self.head.size is not None
        return self.head.size


@dataclass(frozen=True)
class FoundSheet:
    """A sheet of a file that is read: its head, and what reads its persons.

    Attributes:
        load: takes the person whose copy it is, or None where all are on it, the size, and a
            counter of what is lost; returns the persons by number.
    """

    head: Head
    load: Callable[[int | None, tuple[int, int], Counter[str]], dict[int, SheetPerson]]


def name_copy(image_id: str, count: int, index: int) -> str:
    """Return the name of the copy for person `index` of `count`.

    >>> name_copy("0001", 3, 2)
    '0001_03_02'
    """
    return f"{image_id}_{count:02d}_{index:02d}"


def find_photo(name: str, ids: Collection[str]) -> tuple[str, int | None, int | None] | None:
    """Return photo, number of persons and person of a sheet; None for a photo that is not in `ids`.

    Number and person are None for a sheet with all persons; person 0 of 0 is a photo of nobody.

    >>> find_photo("a_03_02", ["a"]), find_photo("a", ["a"]), find_photo("b", ["a"])
    (('a', 3, 2), ('a', None, None), None)
    """
    if name in ids:
        return name, None, None
    match = _COPY.fullmatch(name)
    if match is None or match[1] not in ids or name != name_copy(match[1], *_numbers(match)):
        return None
    count, index = _numbers(match)
    return None if index > count or (index == 0) != (count == 0) else (match[1], count, index)


def _numbers(match: re.Match[str]) -> tuple[int, int]:
    return int(match[2]), int(match[3])


def check_names(ids: Collection[str]) -> None:
    """Raise where a photo is named as a copy of another would be.

    Raises:
        InputError: it is.
    """
    for name in ids:
        found = find_photo(name, set(ids) - {name})
        if found:
            raise InputError(
                f"photos must have names that differ from those of copies, got '{name}' beside "
                f"'{found[0]}'. Rename one, or put all persons on one sheet with the layout "
                f"'{TOGETHER}'."
            )


@dataclass(frozen=True)
class PartMask:
    """One part of one person: its label, and its mask inside the box at (left, top)."""

    label_id: int
    left: int
    top: int
    mask: NDArray[np.bool_] = field(repr=False)


def list_parts(labels: NDArray[np.uint8]) -> Iterator[PartMask]:
    """Yield the parts of a label map by label id; ignored pixels are one too."""
    box = mask_box(labels > 0)
    if box is None:
        return
    x1, y1, x2, y2 = (int(edge) for edge in box)
    crop = labels[y1:y2, x1:x2]
    for label_id in np.flatnonzero(np.bincount(crop.ravel(), minlength=256)).tolist():
        inner = mask_box(crop == label_id) if label_id else None
        if inner is not None:
            a1, b1, a2, b2 = (int(edge) for edge in inner)
            mask = crop[b1:b2, a1:a2] == label_id
            yield PartMask(label_id, x1 + a1, y1 + b1, mask)


def paint(
    labels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    label_id: int,
    losses: Counter[str],
    corner: tuple[int, int] = (0, 0),
) -> None:
    """Put a part on a label map; what was there gives way and is counted.

    Args:
        labels: (H, W), changed in place.
        mask: (h, w), inside the map.
        label_id: the part.
        losses: takes the count of pixels that gave way.
        corner: left and top of the mask in the map.
    """
    left, top = corner
    window = labels[top : top + mask.shape[0], left : left + mask.shape[1]]
    losses[OVERWRITTEN] += int((mask & (window > 0) & (window != label_id)).sum())
    window[mask] = label_id
