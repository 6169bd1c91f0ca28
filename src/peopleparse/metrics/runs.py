"""Runs of equal pixels: label maps are flat, so a joint histogram needs only the ends of runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.integer[Any]]
# Entries of a histogram that is filled as a table; beyond, its keys are sorted.
_LARGEST_TABLE = 1 << 20
_SMALL = 64


def find_runs(
    arrays: Sequence[Ints], under: Sequence[Ints] = (), width: int = 0
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return start and length of the runs in which nothing changes.

    Args:
        arrays: one or more, (n,) each; a run ends where one of them changes.
        under: (n,) each; their changes count only where the first array is not 0.
        width: a run also ends with its row of so many pixels; 0: it goes on in the next row.

    >>> starts, lengths = find_runs([np.array([5, 5, 5, 0, 0])], [np.array([1, 2, 2, 2, 1])])
    >>> starts.tolist(), lengths.tolist()
    ([0, 1, 3], [1, 2, 2])
    """
    first = arrays[0]
    size = first.size
    change = np.zeros(-(-size // 8) * 8, bool)  # whole words, see _places
    inner, other = change[1:size], np.empty(max(size - 1, 0), bool)
    for array in under:
        np.not_equal(array[1:], array[:-1], out=other)
        inner |= other
    if under:
        np.not_equal(first[1:], 0, out=other)
        inner &= other
    for array in arrays:
        np.not_equal(array[1:], array[:-1], out=other)
        inner |= other
    change[:1] = True
    if width:
        change[:size:width] = True
    starts = _places(change)
    lengths = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1:] = size - starts[-1:]
    return starts, lengths


def sum_runs(
    columns: Sequence[Ints], lengths: NDArray[np.intp]
) -> tuple[tuple[NDArray[np.intp], ...], NDArray[np.int64]]:
    """Return the different rows of the columns, and the sum of the lengths of each.

    Args:
        columns: one or more, (R,) numbers from 0 on.
        lengths: (R,).

    >>> columns, pixels = sum_runs([np.array([1, 0, 1]), np.array([7, 7, 7])], np.array([3, 1, 5]))
    >>> [column.tolist() for column in columns], pixels.tolist()
    ([[0, 1], [7, 7]], [1, 8])
    """
    shrunk = [_shrink(column) for column in columns]
    sizes = [len(ids) for _, ids in shrunk]
    kind = np.min_scalar_type(math.prod(sizes)).type
    keys = np.zeros(len(lengths), kind)
    for (numbers, _), size in zip(shrunk, sizes, strict=True):
        keys *= kind(size)
        keys += numbers.astype(kind)
    # np.add.at is as fast as np.bincount with weights, and stays in integers.
    if math.prod(sizes) <= _LARGEST_TABLE:
        table = np.zeros(math.prod(sizes), np.int64)
        np.add.at(table, keys.astype(np.intp), lengths)
        kept = (table != 0).nonzero()[0]
        pixels = table[kept]
    else:
        kept, inverse = np.unique(keys, return_inverse=True)
        pixels = np.zeros(len(kept), np.int64)
        np.add.at(pixels, inverse, lengths)
    places = np.unravel_index(kept, sizes)
    return tuple(ids[place] for (_, ids), place in zip(shrunk, places, strict=True)), pixels


def _shrink(column: Ints) -> tuple[Ints, NDArray[np.intp]]:
    """Return the column in numbers without gaps, and what they stand for."""
    top = int(column.max(initial=0)) + 1
    if top <= _SMALL:
        return column, np.arange(top)
    ids = np.bincount(column).nonzero()[0]
    numbers = np.zeros(top, np.intp)
    numbers[ids] = np.arange(len(ids))
    return numbers[column], ids


def _places(change: NDArray[np.bool_]) -> NDArray[np.intp]:
    # As np.flatnonzero, which mispredicts a branch for each True: most words of 8 pixels hold none.
    words = change.view(np.uint64)
    kept = (words != 0).nonzero()[0]
    inside = words.take(kept).view(bool).nonzero()[0]
    places = kept.take(inside >> 3)
    places <<= 3
    inside &= 7
    places += inside
    return places
