"""Which pixels of a photo a person asks for, and with which part: a small logit grid laid over it.

Between four grid cells each part's value is bilinear. Where the same part is clearly the best at
all four, it is the best everywhere between them, and one interpolation says by how much: that is
most of a person. Only between cells that differ are parts compared pixel by pixel. The result is,
bit for bit, that of interpolating every part everywhere and taking the best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from peopleparse.inference.engine import Floats

Labels: TypeAlias = NDArray[np.uint8]
Indices: TypeAlias = NDArray[np.intp]

STRIP = 65536  # pixels worked on at a time: their floats stay in a core's cache
_MIXED = 255  # in place of a label: several are about as good
# Of the largest value: rounding moves an interpolated value by a hundredth of this at most.
_CLEAR = 1e-5


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


class _Axis(NamedTuple):
    """The pixels of one axis of a box, and the n gaps between grid cells that they lie in.

    A gap begins at a cell and reaches to the next one; one after the last cell is flat.
    """

    span: slice
    low: Indices  # (pixels,) cell before each pixel
    share: Floats  # (pixels,) how far each has come to the next cell, 0 to 1
    gaps: Indices  # (n,) cells at which gaps with pixels begin, ascending
    after: Indices  # (n,) the next cell of each
    counts: Indices  # (n,) pixels in each
    pixels: Indices  # (k, n) pixels of each gap; those of shorter gaps repeat their last


def claim_pixels(logits: Floats, box: Floats, size: tuple[int, int]) -> Claim:
    """Return the pixels that a person asks for: those where a part beats background.

    Args:
        logits: (C, GH, GW) float32 over the box, channel 0 background.
        box: (4,) float32 in photo pixels.
        size: height and width of the photo.
    """
    down = _make_axis(box[1], box[3], size[0], logits.shape[1])
    across = _make_axis(box[0], box[2], size[1], logits.shape[2])
    # Interpolation is linear, so background can be taken off before it.
    parts = logits[1:] - logits[0]  # (C - 1, GH, GW)
    best = np.maximum(parts.max(axis=0), 0)  # (GH, GW)
    between = _label_gaps(_clear_labels(parts, best), down, across)  # (n, m)
    margin = _lerp_all(best, down, across)  # (h, w)
    plain = np.where(between == _MIXED, 0, between).astype(np.uint8)
    labels = plain.repeat(across.counts, axis=1).repeat(down.counts, axis=0)
    mixed = np.nonzero(between == _MIXED)
    if len(mixed[0]):
        _compare_parts(parts, mixed, down, across, margin, labels)
    return Claim(down.span, across.span, margin, labels, int(np.count_nonzero(labels)))


def _make_axis(start: float, end: float, limit: int, cells: int) -> _Axis:
    """Lay a grid of so many cells over start..end; its rim is continued outwards."""
    first = min(max(int(np.floor(start)), 0), limit - 1)
    span = slice(first, max(min(int(np.ceil(end)), limit), first + 1))
    centres = np.arange(span.start, span.stop) + 0.5
    places = (centres - float(start)) / (float(end) - float(start)) * cells - 0.5
    # Pixels outside the outer cells are gaps of their own: no gap is much wider than the others.
    gap = np.floor(places)
    starts = np.ones(len(gap), bool)
    np.not_equal(gap[1:], gap[:-1], out=starts[1:])
    firsts = starts.nonzero()[0]
    counts = np.append(firsts[1:], len(gap)) - firsts
    places = places.clip(0, cells - 1)
    low = places.astype(np.intp)
    gaps = low[firsts]
    offsets = np.minimum(np.arange(counts.max())[:, None], counts - 1)  # (k, n)
    after = np.minimum(gaps + 1, cells - 1)
    return _Axis(
        span, low, (places - low).astype(np.float32), gaps, after, counts, firsts + offsets
    )


def _clear_labels(parts: Floats, best: Floats) -> Labels:
    """Return the label, (GH, GW), that alone is best at each cell, or `_MIXED`."""
    clear = _CLEAR * max(float(parts.max()), -float(parts.min()))
    near = parts >= best - clear  # (C - 1, GH, GW)
    ids = np.arange(1, len(parts) + 1, dtype=np.uint8)[:, None, None]
    highest = (near.view(np.uint8) * ids).max(axis=0)
    alone = near.sum(axis=0, dtype=np.uint8) + (best <= clear) == 1
    return np.where(alone, highest, np.uint8(_MIXED))


def _label_gaps(clear: Labels, down: _Axis, across: _Axis) -> Labels:
    """Return the label, (n, m), that is best all over each gap, or `_MIXED`."""
    above, below = clear[down.gaps], clear[down.after]
    corners = [side[:, ends] for side in (above, below) for ends in (across.gaps, across.after)]
    same = (corners[0] == corners[1]) & (corners[0] == corners[2]) & (corners[0] == corners[3])
    return np.where(same, corners[0], np.uint8(_MIXED))


def _lerp_all(grid: Floats, down: _Axis, across: _Axis) -> Floats:
    """Interpolate a (GH, GW) grid at every pixel, (h, w)."""
    wide = np.empty((len(across.low), len(grid)), np.float32)
    lerp_rows(np.ascontiguousarray(grid.T), across.low, across.share, wide)  # (GW, GH) to (w, GH)
    wide = np.ascontiguousarray(wide.T)
    values = np.empty((len(down.low), wide.shape[1]), np.float32)
    step = max(1, STRIP // wide.shape[1])
    for top in range(0, len(values), step):
        strip = slice(top, top + step)
        lerp_rows(wide, down.low[strip], down.share[strip], values[strip])
    return values


def lerp_rows(grid: Floats, low: Indices, share: Floats, values: Floats) -> None:
    """Write the rows of an (n, w) grid at places `low + share` into (m, w) values.

    The last row is continued. No matrix product: BLAS threads cost far more than they bring here.
    """
    steps = np.empty_like(grid)  # (n, w)
    np.subtract(grid[1:], grid[:-1], out=steps[:-1])
    steps[-1] = 0
    # Any other mode writes into a buffer of its own first.
    np.take(steps, low, axis=0, out=values, mode="clip")
    values *= share[:, None]
    values += grid.take(low, axis=0)


def _compare_parts(
    parts: Floats,
    mixed: tuple[Indices, ...],
    down: _Axis,
    across: _Axis,
    margin: Floats,
    labels: Labels,
) -> None:
    """Write the best part into margin and labels, pixel by pixel, in the gaps called mixed.

    Args:
        parts: (C - 1, GH, GW) float32 margins over background.
        mixed: which gaps, down and across: two arrays (n,).
        down, across: the axes.
        margin: (h, w) float32, changed.
        labels: (h, w) uint8, changed.
    """
    rivals, order = _find_rivals(parts, mixed, down, across)
    # Not by [:, order]: that lays the gaps of a row apart, and whatever is made from them.
    rows = down.pixels.take(mixed[0][order], axis=1)  # (k, n)
    columns = across.pixels.take(mixed[1][order], axis=1)  # (l, n)
    share = across.share.take(columns)
    step = max(1, STRIP // columns.size)
    for first in range(0, len(rows), step):
        strip = rows[first : first + step, None]  # (k', 1, n)
        share_down = down.share.take(strip)
        best = np.zeros((len(strip), *columns.shape), np.float32)
        found = np.zeros(best.shape, np.uint8)
        for rival in rivals:
            # The gaps with most rivals come first: those with another one are the first so many.
            n = len(rival.label)
            above = rival.step_above * share[:, :n] + rival.above  # (l, n)
            below = rival.step_below * share[:, :n] + rival.below
            values = (below - above) * share_down[..., :n]  # (k', l, n)
            values += above
            won = np.greater(values, best[..., :n]).view(np.uint8)
            won *= rival.label
            np.maximum(values, best[..., :n], out=best[..., :n])
            # Labels come in ascending order: the new one is larger than any that is there.
            np.maximum(found[..., :n], won, out=found[..., :n])
        at = strip * margin.shape[1] + columns  # (k', l, n)
        margin.ravel()[at], labels.ravel()[at] = best, found


class _Rivals(NamedTuple):
    """The k-th part of each gap that has as many, (n,): its label and its values at the corners."""

    label: Labels
    above: Floats
    step_above: Floats  # to the right
    below: Floats
    step_below: Floats


def _find_rivals(
    parts: Floats, mixed: tuple[Indices, ...], down: _Axis, across: _Axis
) -> tuple[list[_Rivals], Indices]:
    """Find the parts that may be best in each mixed gap: those above 0 at one of its corners.

    Returns:
        The gaps' first rivals, second ones and so on, and the order of the gaps: most rivals first.
    """
    width, cells = parts.shape[2], parts[0].size
    top, bottom = down.gaps[mixed[0]] * width, down.after[mixed[0]] * width
    left, right = across.gaps[mixed[1]], across.after[mixed[1]]
    corners = top + left, top + right, bottom + left, bottom + right
    above = (parts > 0).reshape(len(parts), cells)
    reach = above.take(corners[0], axis=1)  # (C - 1, n)
    for corner in corners[1:]:
        reach |= above.take(corner, axis=1)
    counts = reach.sum(axis=0, dtype=np.uint8)
    order = np.argsort(-counts.astype(np.int16), kind="stable")
    gap, part = reach.T.take(order, axis=0).nonzero()  # by gap, then by label
    counts = counts[order].astype(np.intp)
    rank = np.arange(len(gap)) - (np.cumsum(counts) - counts)[gap]
    by_rank = np.argsort(rank.astype(np.uint8), kind="stable")
    gap, part = order[gap[by_rank]], part[by_rank]
    at = [parts.ravel().take(part * cells + corner[gap]) for corner in corners]
    table = (part + 1).astype(np.uint8), at[0], at[1] - at[0], at[2], at[3] - at[2]
    ends = np.cumsum(np.bincount(rank)).tolist()
    rivals = [
        _Rivals(*(column[first:end] for column in table))
        for first, end in zip([0, *ends], ends, strict=False)
    ]
    return rivals, order
