"""Runs of equal pixels: label maps are flat, so a joint histogram needs only the ends of runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.integer[Any]]
Runs: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]  # starts and lengths
# Entries of a histogram that are always worth a table; beyond, it depends on the number of keys.
_TABLE = 1 << 16
# Numbers of a column, or pixels of an image, that are not worth a second look.
_SMALL = 64
# Share of pixels that begin a run; beyond it, counting every pixel by itself is quicker.
_NOISE = 0.15


def find_runs(arrays: Sequence[Ints], under: Sequence[Ints] = (), width: int = 0) -> Runs | None:
    """Return start and length of the runs in which nothing changes; None for noise.

    Args:
        arrays: one or more, (n,) each; a run ends where one of them changes.
        under: (n,) each; their changes count only where the first array is not 0.
        width: a run also ends with its row of so many pixels; 0: it goes on in the next row.

    Returns:
        Starts and lengths, (R,) each; None where runs are so short that they bring nothing.

    >>> starts, lengths = find_runs([np.array([5, 5, 5, 0, 0, 0])], [np.array([1, 2, 2, 2, 1, 1])])
    >>> starts.tolist(), lengths.tolist()
    ([0, 1, 3], [1, 2, 3])
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
    if size > _SMALL and np.count_nonzero(change) > size * _NOISE:
        return None
    starts = _places(change)
    lengths = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1:] = size - starts[-1:]
    return starts, lengths


def sum_runs(
    columns: Sequence[Ints], lengths: NDArray[np.integer[Any]] | None
) -> tuple[list[NDArray[np.intp]], NDArray[np.int64]]:
    """Return the different rows of the columns, and the sum of the lengths of each.

    Args:
        columns: one or more, (R,) numbers from 0 on.
        lengths: (R,); None: 1 each.

    >>> columns, pixels = sum_runs([np.array([1, 0, 1]), np.array([7, 7, 7])], np.array([3, 1, 5]))
    >>> [column.tolist() for column in columns], pixels.tolist()
    ([[0, 1], [7, 7]], [1, 8])
    """
    shrunk = [_shrink(column) for column in columns]
    sizes = [len(ids) for _, ids in shrunk]
    kind = np.min_scalar_type(math.prod(sizes)).type
    keys = np.zeros(len(columns[0]), kind)
    for (numbers, _), size in zip(shrunk, sizes, strict=True):
        keys *= kind(size)
        keys += numbers.astype(kind)
    index, length = keys.astype(np.intp), math.prod(sizes)
    kept: NDArray[Any]
    if length > _TABLE + 4 * len(keys):  # many persons: a table would be nearly empty
        kept, index = np.unique(index, return_inverse=True)
        length = len(kept)
    # np.add.at is as fast as np.bincount with weights, and stays in integers.
    if lengths is None:
        table = np.bincount(index, minlength=length)
    else:
        table = np.zeros(length, np.int64)
        np.add.at(table, index, lengths)
    filled = (table != 0).nonzero()[0]
    places = np.unravel_index(filled if length == math.prod(sizes) else kept[filled], sizes)
    rows = [ids[place] for (_, ids), place in zip(shrunk, places, strict=True)]
    return rows, table[filled]


def _shrink(column: Ints) -> tuple[Ints, NDArray[np.intp]]:
    """Return the column in numbers without gaps, and what they stand for."""
    top = int(column.max(initial=0)) + 1
    if top <= _SMALL:
        return column, np.arange(top)
    ids = np.bincount(column).nonzero()[0]
    numbers = np.zeros(top, np.min_scalar_type(len(ids)))
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
