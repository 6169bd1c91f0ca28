"""From one small logit grid a person to two maps of the photo.

Every pixel has at most one owner: the person whose best part stands out most from background
there. The result does not depend on the order in which the people are given.

Maps are put together by arithmetic on whole rectangles, which a processor does many pixels at a
time; writing chosen pixels only (`where=`) takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.inference.claims import Claim, Labels, claim_pixels
from peopleparse.inference.engine import Floats
from peopleparse.structures import Extent

Numbers: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

LEAST_OWNED = 0.25


@dataclass(frozen=True)
class Owned:
    """What one person owns in the maps; `extent` is None where that is nothing."""

    area: int
    confidence: float
    extent: Extent | None


@dataclass(frozen=True)
class Pasted:
    """The maps of a photo.

    Attributes:
        parsing: (H, W) uint8 label ids.
        owners: (H, W) uint8 or uint16, 1 for the best person, 2 for the next; 0 for nobody.
        confidence: (H, W) uint8, 255 * sigmoid(margin) of the owner; 0 where nobody is.
        order: place among the people given of the best person, of the next and so on.
        owned: what the best person owns, the next and so on.
    """

    parsing: Labels
    owners: Numbers
    confidence: Labels
    order: Sequence[int]
    owned: Sequence[Owned]

    @cached_property
    def instances(self) -> NDArray[np.uint16]:
        """(H, W) uint16, i for the i-th person given (from 1), 0 for nobody."""
        return renumber(self.owners, np.add([-1, *self.order], 1))


def renumber(owners: Numbers, numbers: Sequence[int] | NDArray[np.intp]) -> NDArray[np.uint16]:
    """Return (H, W) uint16 in which number n of owners is numbers[n]."""
    table = np.zeros(256 if owners.dtype == np.uint8 else len(numbers), np.uint16)
    table[: len(numbers)] = numbers
    if owners.dtype == np.uint8:
        return np.asarray(cv2.LUT(owners, table), np.uint16)
    return table[owners]


def mean_confidence(pasted: Pasted) -> Floats:
    """Return the mean confidence, 0 to 1, (N,) float32, of the pixels that each person given owns.

    A detector is as sure of a person of whom little can be made out as of a clear one; multiplied
    by this, its score ranks people by how well they are parsed. 0 for a person without a pixel.
    """
    means = np.zeros(len(pasted.order), np.float32)
    means[list(pasted.order)] = [owned.confidence for owned in pasted.owned]
    return means


def paste_people(
    logits: Sequence[Floats],
    boxes: Floats,
    scores: Floats,
    size: tuple[int, int],
    drop_doubles: bool = True,
) -> Pasted:
    """Lay every person's logits over the photo and give each pixel to one of them.

    A pixel goes to the person with the largest margin above 0 there, at equal margins to the
    higher score; its part is that person's best label other than background.

    Args:
        logits: N times (C, GH, GW) float32; cell i of a row lies at (i + .5) / GW of the box.
        boxes: (N, 4) float32 in photo pixels, not empty.
        scores: (N,) float32.
        size: height and width of the photo.
        drop_doubles: see `find_owners`.
    """
    # Equal scores are told apart by the boxes, so that the order given never matters.
    order = np.lexsort((*boxes.T[::-1], -scores)).tolist()
    claims = [claim_pixels(logits[i], boxes[i], size) for i in order]
    owners = find_owners(claims, size, drop_doubles)
    parsing, confidence = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    owned = [
        _fill(number, claim, owners, parsing, confidence) for number, claim in enumerate(claims, 1)
    ]
    return Pasted(parsing, owners, confidence, order, owned)


def find_owners(claims: Sequence[Claim], size: tuple[int, int], drop_doubles: bool) -> Numbers:
    """Return who owns each pixel, (H, W): 1 for the first of the claims, which are best first.

    With `drop_doubles` people are dropped who are mostly covered by a better one: two boxes on the
    same body. A person is dropped who owns less than a quarter of the pixels asked for and lost
    some of the others to a higher score. The lowest score goes first; the map is made anew each
    time where that person stood, because one who goes may give pixels back.
    """
    owners = np.zeros(size, np.uint8 if len(claims) < 256 else np.uint16)
    margin = np.zeros(size, np.float32)
    for number, claim in enumerate(claims, 1):
        _compose(number, claim, owners, margin, (claim.rows, claim.columns))
    if not drop_doubles:
        return owners
    kept = dict(enumerate(claims, 1))
    doubles = {number for number, claim in kept.items() if _is_double(number, claim, owners)}
    while doubles:
        gone = kept.pop(max(doubles))
        doubles.discard(max(doubles))
        place = gone.rows, gone.columns
        owners[place], margin[place] = 0, 0
        near = {number: claim for number, claim in kept.items() if _common(gone, claim)}
        for number, claim in near.items():
            _compose(number, claim, owners, margin, place)
        for number, claim in near.items():
            doubles.discard(number)
            if _is_double(number, claim, owners):
                doubles.add(number)
    return owners


def _common(one: Claim, other: Claim) -> bool:
    return all(
        a.start < b.stop and b.start < a.stop
        for a, b in ((one.rows, other.rows), (one.columns, other.columns))
    )


def _compose(
    number: int, claim: Claim, owners: Numbers, margin: Floats, place: tuple[slice, slice]
) -> None:
    """Let a person take the pixels in a place that nobody before asked for as strongly."""
    rows, columns = (
        slice(max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip((claim.rows, claim.columns), place, strict=True)
    )
    own = (
        slice(rows.start - claim.rows.start, rows.stop - claim.rows.start),
        slice(columns.start - claim.columns.start, columns.stop - claim.columns.start),
    )
    asked, most, held = claim.margin[own], margin[rows, columns], owners[rows, columns]
    # Better people come first: a later one needs more than what is there, and has a higher number.
    wins = np.greater(asked, most).view(np.uint8) * held.dtype.type(number)
    np.maximum(asked, most, out=most)
    np.maximum(wins, held, out=held)


def _is_double(number: int, claim: Claim, owners: Numbers) -> bool:
    region = owners[claim.rows, claim.columns]
    if np.count_nonzero(region == number) >= LEAST_OWNED * claim.area:
        return False
    lost = (region > 0) & (region < number)
    return bool((lost & (claim.labels > 0)).any())


def _fill(number: int, claim: Claim, owners: Numbers, parsing: Labels, confidence: Labels) -> Owned:
    """Write a person's labels and confidence into the maps, and tell what the person owns."""
    place = claim.rows, claim.columns
    own = (owners[place] == number).view(np.uint8)
    area = int(np.count_nonzero(own))
    if not area:
        return Owned(0, 0.0, None)
    parsing[place] |= claim.labels * own
    sure = _confidence(claim.margin)
    sure *= own
    confidence[place] |= sure
    x, y, width, height = cv2.boundingRect(own)
    left, top = x + claim.columns.start, y + claim.rows.start
    box = np.array([left, top, left + width, top + height], np.float32)
    extent = Extent(box, int(own[y].argmax()) + claim.columns.start)
    return Owned(area, cv2.sumElems(sure)[0] / area / 255, extent)


def _confidence(margin: Floats) -> Labels:
    values = np.negative(margin)
    np.exp(values, out=values)
    values += 1
    np.divide(255, values, out=values)
    values += 0.5
    return values.astype(np.uint8)
