"""Walk through the parts of a result by their boxes, without a full-size mask for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from peopleparse.labels import Label
from peopleparse.structures import ParsedPeople, Person, mask_box


@dataclass(frozen=True)
class Region:
    """A mask that is kept only where it lies.

    Attributes:
        left, top: image position of the crop.
        crop: (h, w) bool.
        area: pixels.
    """

    left: int
    top: int
    crop: NDArray[np.bool_]
    area: int

    @property
    def box(self) -> list[int]:
        """x1, y1, x2, y2 at pixel edges."""
        height, width = self.crop.shape
        return [self.left, self.top, self.left + width, self.top + height]


def person_region(result: ParsedPeople, person: Person) -> Region:
    """Return the pixels of one person."""
    x1, y1, x2, y2 = (int(v) for v in person.box)
    crop = result.instances[y1:y2, x1:x2] == person.index
    return Region(x1, y1, crop, int(crop.sum()))


def part_regions(result: ParsedPeople, person: Person) -> Iterator[tuple[Label, Region]]:
    """Yield the parts of one person in the order of the scheme; only those present."""
    whole = person_region(result, person)
    x1, y1, x2, y2 = whole.box
    parsing = np.where(whole.crop, result.parsing[y1:y2, x1:x2], 0)
    areas = np.bincount(parsing.ravel(), minlength=256)
    for label in result.scheme.labels:
        if label.id and areas[label.id]:
            mask = parsing == label.id
            box = mask_box(mask)
            assert box is not None
            left, top, right, bottom = (int(v) for v in box)
            crop = mask[top:bottom, left:right]
            yield label, Region(x1 + left, y1 + top, crop, int(areas[label.id]))


def painted(result: ParsedPeople) -> NDArray[np.bool_]:
    """Return where a part is known, (H, W) bool: not background, not ignored."""
    return (result.parsing > 0) & (result.parsing != result.scheme.ignore_id)


def part_areas(result: ParsedPeople) -> list[tuple[Label, int]]:
    """Return the labels present with their pixels over all persons, in the scheme's order."""
    areas = np.bincount(result.parsing.ravel(), minlength=256)
    return [(lb, int(areas[lb.id])) for lb in result.scheme.labels if lb.id and areas[lb.id]]


def head_point(result: ParsedPeople, person: Person) -> tuple[float, float]:
    """Return (x, y) of the top of a person's head, where the person's number is shown."""
    whole = person_region(result, person)
    x1, y1, x2, y2 = whole.box
    heads = [lb.id for lb in result.scheme.labels if lb.joint == "head"]
    is_head = np.zeros(256, bool)
    is_head[heads] = True
    head = whole.crop & is_head[result.parsing[y1:y2, x1:x2]]
    if not head.any():  # no head in the photo: what lies highest stands for it
        head = whole.crop.copy()
        head[max(1, head.shape[0] // 8) :] = False
    columns = np.cumsum(np.count_nonzero(head, axis=0))
    middle = (int(columns[-1]) - 1) // 2, int(columns[-1]) // 2
    median = float(np.searchsorted(columns, middle, side="right").mean())
    return x1 + median + 0.5, float(y1 + head.any(axis=1).argmax())
