"""Connected components and growth of label maps, in numpy."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Cells: TypeAlias = NDArray[Any]  # whole numbers or bool


def label_components(values: Cells) -> NDArray[np.intp]:
    """Number the connected pieces of equal values; pixels that meet at a corner are connected.

    Args:
        values: (H, W) whole numbers or bool; 0 belongs to no piece.

    Returns:
        (H, W): 0 for none, pieces 1 to K in the order of their first pixel, row by row.

    >>> label_components(np.array([[1, 0, 1], [0, 1, 2], [2, 0, 2]])).tolist()
    [[1, 0, 1], [0, 1, 2], [3, 0, 2]]
    """
    height, width = values.shape
    if not values.any():
        return np.zeros((height, width), np.intp)
    starts = np.ones((height, width), bool)
    starts[:, 1:] = values[:, 1:] != values[:, :-1]
    runs = (starts.cumsum() - 1).reshape(height, width)
    linked = [
        np.stack([above[same], below[same]])
        for shift in (-1, 0, 1)
        for above, below, same in [_neighbours(runs, values, shift)]
    ]
    upper, lower = np.unique(np.concatenate(linked, axis=1), axis=1)
    root = np.arange(runs[-1, -1] + 1)
    while True:
        before = root.copy()
        np.minimum.at(root, root[lower], before[upper])
        np.minimum.at(root, root[upper], root[lower])
        root = np.minimum(root, root[root])
        if (root == before).all():
            break
    filled = values[starts] != 0
    kept = np.unique(root[filled])
    number = np.zeros(len(root), np.intp)
    number[filled] = np.searchsorted(kept, root[filled]) + 1
    return number[runs]


def _neighbours(runs: Cells, values: Cells, shift: int) -> tuple[Cells, Cells, NDArray[np.bool_]]:
    """Return runs above and below each other, `shift` columns apart, and whether they connect."""
    width = runs.shape[1]
    top = slice(max(-shift, 0), width - max(shift, 0))
    low = slice(max(shift, 0), width - max(-shift, 0))
    same = (values[:-1, top] == values[1:, low]) & (values[1:, low] != 0)
    return runs[:-1, top], runs[1:, low], same


def grow(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Return every pixel that has one of the mask within `reach` rows and columns.

    >>> grow(np.array([[1, 0, 0, 0]], bool), 2).tolist()
    [[True, True, True, False]]
    """
    for _ in range(2):
        size = mask.shape[0]
        total = np.concatenate([np.zeros((1, mask.shape[1]), np.intp), mask.cumsum(axis=0)])
        rows = np.arange(size)
        high, low = np.minimum(rows + reach + 1, size), np.maximum(rows - reach, 0)
        mask = (total[high] > total[low]).T
    return mask
