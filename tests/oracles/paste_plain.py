"""Pasting by plain numpy, every part at every pixel: what the fast one must equal bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from peopleparse.inference.engine import Floats

Labels: TypeAlias = NDArray[np.uint8]
Owners: TypeAlias = NDArray[np.uint16]
Places: TypeAlias = NDArray[np.float64]
Maps: TypeAlias = tuple[Floats, Labels, Owners]

LEAST_OWNED = 0.25
_STRIP = 65536  # pixels worked on at a time: their floats stay in a core's cache


@dataclass(frozen=True)
class Claim:
    """The pixels one person asks for.

    Attributes:
        rows, columns: where in the photo the arrays below lie.
        margin: (h, w) float32, best part's logit minus background's; 0 where not claimed.
        labels: (h, w) uint8, that best part; 0 where not claimed.
        area: pixels claimed.
    """

    rows: slice
    columns: slice
    margin: Floats
    labels: Labels
    area: int


@dataclass(frozen=True)
class Pasted:
    """The maps of a photo.

    Attributes:
        parsing: (H, W) uint8 label ids.
        instances: (H, W) uint16, i for the i-th person given (from 1), 0 for nobody.
        confidence: (H, W) uint8, 255 * sigmoid(margin) of the owner; 0 where nobody is.
    """

    parsing: Labels
    instances: Owners
    confidence: Labels


def mean_confidence(pasted: Pasted, count: int) -> Floats:
    """Return the mean confidence, 0 to 1, of the pixels that each of `count` people owns.

    A detector is as sure of a person of whom little can be made out as of a clear one; multiplied
    by this, its score ranks people by how well they are parsed. 0 for a person without a pixel.
    """
    owners = pasted.instances.ravel()
    areas = np.bincount(owners, minlength=count + 1)[1:]
    sums = np.bincount(owners, pasted.confidence.ravel(), minlength=count + 1)[1:]
    return (sums / np.maximum(areas, 1) / 255).astype(np.float32)


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
        drop_doubles: see `resolve_duplicates`.
    """
    claims = [claim_pixels(one, box, size) for one, box in zip(logits, boxes, strict=True)]
    # Equal scores are told apart by the boxes, so that the order given never matters.
    order = np.lexsort((*boxes.T[::-1], -scores)).tolist()
    maps = _compose(order, claims, size)
    margin, parsing, owners = resolve_duplicates(order, claims, maps) if drop_doubles else maps
    return Pasted(parsing, owners, _confidence(margin, owners))


def claim_pixels(logits: Floats, box: Floats, size: tuple[int, int]) -> Claim:
    """Return the pixels that a person asks for: those where a part beats background.

    Args:
        logits: (C, GH, GW) float32 over the box, channel 0 background.
        box: (4,) float32 in photo pixels.
        size: height and width of the photo.
    """
    rows = _span(box[1], box[3], size[0])
    columns = _span(box[0], box[2], size[1])
    down = _places(rows, box[1], box[3], logits.shape[1])  # (h,)
    across = _places(columns, box[0], box[2], logits.shape[2])  # (w,)
    margin = np.zeros((len(down), len(across)), np.float32)
    labels = np.zeros(margin.shape, np.uint8)
    # Interpolation is linear, so background can be taken off before it.
    for label, part in enumerate(logits[1:] - logits[0], 1):
        _add_part(label, part, down, across, margin, labels)
    return Claim(rows, columns, margin, labels, int(np.count_nonzero(labels)))


def resolve_duplicates(order: Sequence[int], claims: Sequence[Claim], maps: Maps) -> Maps:
    """Drop people who are mostly covered by a better one: two boxes on the same body.

    A person is dropped who owns less than a quarter of the pixels asked for and lost some of the
    others to a higher score. The lowest score goes first; the maps are made anew each time,
    because a person who goes may give pixels back.

    Args:
        order: indices of the people, best first.
        claims: what each person asks for.
        maps: margin, parsing and owners (index + 1), all (H, W), with everyone in them.

    Returns:
        The maps without those dropped.
    """
    kept = list(order)
    while True:
        doubles = [
            rank for rank, i in enumerate(kept) if _is_double(i, kept[:rank], claims[i], maps[2])
        ]
        if not doubles:
            return maps
        del kept[doubles[-1]]
        maps = _compose(kept, claims, maps[2].shape)


def _is_double(index: int, better: Sequence[int], claim: Claim, owners: Owners) -> bool:
    region = owners[claim.rows, claim.columns]
    if np.count_nonzero(region == index + 1) >= LEAST_OWNED * claim.area:
        return False
    return bool(np.isin(region[claim.labels > 0], np.add(better, 1)).any())


def _compose(order: Sequence[int], claims: Sequence[Claim], size: tuple[int, ...]) -> Maps:
    margin = np.zeros(size, np.float32)
    parsing, owners = np.zeros(size, np.uint8), np.zeros(size, np.uint16)
    for index in order:
        claim = claims[index]
        place = (claim.rows, claim.columns)
        # Better people come first: a later one needs more than what is there.
        wins = claim.margin > margin[place]
        np.copyto(margin[place], claim.margin, where=wins)
        np.copyto(parsing[place], claim.labels, where=wins)
        np.copyto(owners[place], np.uint16(index + 1), where=wins)
    return margin, parsing, owners


def _add_part(
    label: int, part: Floats, down: Places, across: Places, margin: Floats, labels: Labels
) -> None:
    """Write a part into margin and labels where it beats background and the parts before it.

    Args:
        label: its id, higher than those before.
        part: (GH, GW) float32 margin over background.
        down: (h,) grid row of each pixel row, ascending.
        across: (w,) grid column of each pixel column, ascending.
        margin: (h, w) float32, changed.
        labels: (h, w) uint8, changed.
    """
    above = part > 0
    if not above.any():
        return
    # In between grid cells a part is above background only beside a cell where it is.
    rows, columns = _reach(above, 1, down), _reach(above, 0, across)
    wide = np.ascontiguousarray(_lerp_rows(part.T, across[columns]).T)  # (GH, w')
    step = max(1, _STRIP // max(1, wide.shape[1]))
    for top in range(rows.start, rows.stop, step):
        strip = slice(top, min(top + step, rows.stop)), columns
        values = _lerp_rows(wide, down[strip[0]])
        better = np.greater(values, margin[strip])
        np.maximum(values, margin[strip], out=margin[strip])
        # Labels come in ascending order: the new one is larger than any that is there.
        won = better.view(np.uint8) * np.uint8(label)
        np.maximum(labels[strip], won, out=labels[strip])


def _reach(above: NDArray[np.bool_], axis: int, places: Places) -> slice:
    """Return the pixels that lie less than one grid cell from a grid row (column) that is above."""
    cells = np.flatnonzero(above.any(axis=axis))
    start = np.searchsorted(places, cells[0] - 1, side="right")
    return slice(int(start), int(np.searchsorted(places, cells[-1] + 1, side="left")))


def _lerp_rows(grid: Floats, places: Places) -> Floats:
    """Return the rows of an (n, w) grid at fractional places (m,) from 0 to n - 1, (m, w).

    No matrix product: BLAS threads cost far more than they bring at this size.
    """
    low = places.astype(np.intp)
    steps = np.diff(grid, axis=0, append=grid[-1:])  # (n, w)
    values = steps[low]
    values *= (places - low).astype(np.float32)[:, None]
    values += grid[low]
    return values


def _span(start: float, end: float, limit: int) -> slice:
    first = min(max(int(np.floor(start)), 0), limit - 1)
    return slice(first, max(min(int(np.ceil(end)), limit), first + 1))


def _places(span: slice, start: float, end: float, cells: int) -> Places:
    """Return where on a grid over start..end the centres of pixels lie; the rim is continued."""
    centres = np.arange(span.start, span.stop) + 0.5
    places = (centres - float(start)) / (float(end) - float(start)) * cells - 0.5
    return np.clip(places, 0, cells - 1)


def _confidence(margin: Floats, owners: Owners) -> Labels:
    values = np.negative(margin)
    np.exp(values, out=values)
    values += 1
    np.divide(255, values, out=values)
    values += 0.5
    return values.astype(np.uint8) * (owners > 0)
