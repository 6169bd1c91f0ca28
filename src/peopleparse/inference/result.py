"""From the logits of every person to the result: pasted, enlarged if need be, and numbered."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.inference.engine import Floats
from peopleparse.inference.paste import Owned, Pasted, paste_people, renumber
from peopleparse.labels import Scheme
from peopleparse.structures import Extent, ParsedPeople, Person, sort_people

PASTE_PIXELS = 4_000_000
Values = TypeVar("Values", bound=NDArray[Any])


@dataclass(frozen=True)
class Likely:
    """Who is likely enough to be shown.

    Attributes:
        threshold: lowest score of a person.
        calibrate: makes the detector's score times the mean confidence of a person's pixels the
            person's score; it never changes who ranks before whom.
    """

    threshold: float = 0.0
    calibrate: Callable[[float], float] = float

    def scores(self, pasted: Pasted, scores: Floats) -> list[float]:
        """Return the score of the best person, of the next and so on, as `Pasted.owned` has them.

        Args:
            pasted: the maps.
            scores: (N,) the detector's, as the people were given.
        """
        return [
            self.calibrate(float(scores[index] * np.float32(one.confidence)))
            for index, one in zip(pasted.order, pasted.owned, strict=True)
        ]


def paste_at_most(
    logits: list[Floats],
    boxes: Floats,
    scores: Floats,
    size: tuple[int, int],
    likely: Likely = Likely(),
) -> Pasted:
    """Paste at the size of the photo, or at 4 megapixels and enlarge the maps.

    Args:
        logits, boxes, scores: of the people; see `paste_people`.
        size: height and width of the photo.
        likely: see `paste_likely`.
    """
    shrink = min(1.0, math.sqrt(PASTE_PIXELS / (size[0] * size[1])))
    small = max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))
    scale = np.array([small[1] / size[1], small[0] / size[0]] * 2, np.float32)
    pasted = paste_likely(logits, boxes * scale, scores, small, likely)
    return pasted if small == size else _enlarge(pasted, size)


def paste_likely(
    logits: list[Floats], boxes: Floats, scores: Floats, size: tuple[int, int], likely: Likely
) -> Pasted:
    """Paste people until everyone who has a pixel is likely enough; `order` says who stayed.

    The least likely goes first and all others are pasted anew, because the pixels that fall to
    them may change their scores.

    Args:
        logits, boxes, scores, size: see `paste_people`.
        likely: the threshold, and how scores are made.
    """
    kept = np.arange(len(scores))
    while True:
        pasted = paste_people([logits[i] for i in kept], boxes[kept], scores[kept], size)
        pasted = replace(pasted, order=[int(kept[index]) for index in pasted.order])
        found = zip(likely.scores(pasted, scores), pasted.order, pasted.owned, strict=True)
        # Who has no pixel does no harm, and may come back when somebody goes.
        shown = [(score, index) for score, index, one in found if one.area]
        least, last = min(reversed(shown), key=itemgetter(0), default=(1.0, -1))
        if least >= likely.threshold:
            return pasted
        kept = kept[kept != last]


def _enlarge(pasted: Pasted, size: tuple[int, int]) -> Pasted:
    """Enlarge the maps to a size; where people's pixels lie follows without looking at them."""
    parsing = _resize_nearest(pasted.parsing, size)
    owners = _resize_nearest(pasted.owners, size)
    confidence = _resize_nearest(pasted.confidence, size)
    rows, columns = (  # of the small maps, that each of the large ones shows
        _resize_nearest(np.arange(old, dtype=np.float32)[None], (1, new))[0]
        for old, new in zip(pasted.parsing.shape, size, strict=True)
    )
    owned = []
    for one in pasted.owned:
        extent = one.extent
        if extent is not None:
            (x1, x2), first = np.searchsorted(columns, extent.box[[0, 2]]), extent.first
            y1, y2 = np.searchsorted(rows, extent.box[[1, 3]])
            box = np.array([x1, y1, x2, y2], np.float32)
            extent = Extent(box, int(np.searchsorted(columns, first)))
        owned.append(Owned(one.area, one.confidence, extent))
    return Pasted(parsing, owners, confidence, pasted.order, owned)


def _resize_nearest(values: Values, size: tuple[int, int]) -> Values:
    resized = cv2.resize(values, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return cast(Values, resized)


def make_result(
    pasted: Pasted,
    scores: Floats,
    faces: Sequence[Floats | None],
    image: NDArray[np.uint8],
    scheme: Scheme,
    source: str | None,
    likely: Likely = Likely(),
) -> ParsedPeople:
    """Number the people from left to right; what `ParsedPeople.from_maps` checks holds already."""
    owned = dict(enumerate(pasted.owned, 1))
    extents = {number: one.extent for number, one in owned.items() if one.extent is not None}
    order = sort_people(extents)
    numbers = [0] * (len(owned) + 1)
    for new, old in enumerate(order, 1):
        numbers[old] = new
    maps = pasted.parsing, renumber(pasted.owners, numbers)
    people, final = [], likely.scores(pasted, scores)
    for new, old in enumerate(order, 1):
        index = pasted.order[old - 1]
        people.append(Person(new, final[old - 1], extents[old].box, faces[index], maps, scheme))
    return ParsedPeople(*maps, people, scheme, image, source, pasted.confidence)
