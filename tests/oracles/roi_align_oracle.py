"""RoI Align and the adjusted box written straight from their definitions, one cell at a time."""

from __future__ import annotations

import math

import numpy as np


def sample(grid: np.ndarray, v: float, u: float) -> float:
    """Sample a (h, w) grid at row v, column u; 0 further than one cell outside, else the rim."""
    height, width = grid.shape
    if v < -1 or v > height or u < -1 or u > width:
        return 0.0
    v, u = min(max(v, 0.0), height - 1.0), min(max(u, 0.0), width - 1.0)
    top, left = math.floor(v), math.floor(u)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = v - top, u - left
    above = grid[top, left] * (1 - across) + grid[top, right] * across
    below = grid[bottom, left] * (1 - across) + grid[bottom, right] * across
    return float(above * (1 - down) + below * down)


def roi_align(grid: np.ndarray, box, cells: tuple[int, int], samples: int = 1) -> np.ndarray:
    """Return the (rows, columns) means of `samples` x `samples` points in each cell of a box.

    The box is x1, y1, x2, y2 in cells of the grid, whose cell (0, 0) has its centre at (.5, .5).
    """
    x1, y1, x2, y2 = (float(value) for value in box)
    rows, columns = cells
    out = np.zeros(cells)
    for row in range(rows):
        for column in range(columns):
            for i in range(samples):
                for j in range(samples):
                    y = y1 + (y2 - y1) * (row + (i + 0.5) / samples) / rows
                    x = x1 + (x2 - x1) * (column + (j + 0.5) / samples) / columns
                    out[row, column] += sample(grid, y - 0.5, x - 0.5) / samples**2
    return out


def adjust_box(box, face, anchor: tuple[float, float]) -> list[float]:
    """Return the smallest box that holds `box` and has the face's centre at its anchor."""
    sides: list[tuple[float, float]] = []
    for axis in (0, 1):
        low, high = float(box[axis]), float(box[axis + 2])
        centre = (float(face[axis]) + float(face[axis + 2])) / 2
        centre = min(max(centre, low), high)
        before, after = centre - low, high - centre
        share = anchor[axis]
        if before / share >= after / (1 - share):  # the side before the face decides
            length = before / share
        else:
            length = after / (1 - share)
        sides.append((centre - share * length, centre + (1 - share) * length))
    (x1, x2), (y1, y2) = sides
    return [x1, y1, x2, y2]


def adjust_back(maps: np.ndarray, adjusted, box) -> np.ndarray:
    """Read a (rows, columns) map of the adjusted box at the cell centres of the real box."""
    rows, columns = maps.shape
    wide, tall = adjusted[2] - adjusted[0], adjusted[3] - adjusted[1]
    inside = [
        (box[0] - adjusted[0]) / wide * columns,
        (box[1] - adjusted[1]) / tall * rows,
        (box[2] - adjusted[0]) / wide * columns,
        (box[3] - adjusted[1]) / tall * rows,
    ]
    return roi_align(maps, inside, (rows, columns))
