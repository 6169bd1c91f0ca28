"""The best pairing of two sets, one to one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def best_pairs(gains: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the pairs (row, column) with the largest sum of gains, each used at most once.

    A pair whose gain is not above 0 is never made: leaving both alone is as good.

    Source: H. W. Kuhn, "The Hungarian method for the assignment problem" (1955), in the form with
        potentials and shortest augmenting paths; O(n ** 3).

    Args:
        gains: (R, C).

    >>> best_pairs(np.array([[4.0, 3.0], [3.0, 0.0]]))
    [(0, 1), (1, 0)]
    """
    if gains.size == 0:
        return []
    wide = np.maximum(gains if gains.shape[0] <= gains.shape[1] else gains.T, 0)
    columns = _assign(-wide)
    pairs = [(row, int(column)) for row, column in enumerate(columns) if wide[row, column] > 0]
    return pairs if gains.shape[0] <= gains.shape[1] else sorted((c, r) for r, c in pairs)


def _assign(costs: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the column of each row of (R, C) costs, R <= C, so that their sum is smallest."""
    rows, columns = costs.shape
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, np.intp)  # row of each column, from 1; column 0 is the start
    for row in range(1, rows + 1):
        owner[0], here = row, 0
        shortest, came_from = np.full(columns + 1, np.inf), np.zeros(columns + 1, np.intp)
        done = np.zeros(columns + 1, bool)
        while owner[here]:
            done[here] = True
            who = owner[here]
            through = costs[who - 1] - row_price[who] - column_price[1:]
            better = ~done[1:] & (through < shortest[1:])
            shortest[1:][better], came_from[1:][better] = through[better], here
            following = int(np.where(done, np.inf, shortest)[1:].argmin()) + 1
            step = shortest[following]
            row_price[owner[done]] += step
            column_price[done] -= step
            shortest[~done] -= step
            here = following
        while here:  # along the path every column goes to the row before
            owner[here] = owner[came_from[here]]
            here = int(came_from[here])
    found = np.zeros(rows, np.intp)
    found[owner[1:][owner[1:] > 0] - 1] = np.flatnonzero(owner[1:])
    return found
