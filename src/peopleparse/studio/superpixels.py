"""Superpixels to fill: pieces of a photo whose borders follow its edges.

A grid of seeds grows by OpenCV's watershed, in the Lab colours of the slightly smoothed photo:
the same pieces on every machine and install, each one connected. The middle of each cell of the
grid is its seed, so pieces stay compact where there is no edge.
"""

from __future__ import annotations

from collections import OrderedDict
from math import sqrt
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

SEGMENTS = 1500
MAX_PIXELS = 4_000_000  # a larger photo is cut up at this size, and the borders are scaled up
_CORE = 0.2  # of a cell is its seed: best of 0.1 to 0.5 on photos with truth
_KEPT = 3


def make_superpixels(
    image: NDArray[np.uint8], segments: int = SEGMENTS
) -> tuple[NDArray[np.uint32], int]:
    """Cut a photo up.

    Args:
        image: (H, W, 3) uint8 RGB.
        segments: about so many pieces; at most one a pixel.

    Returns:
        (H, W) uint32 piece numbers from 0, row by row of the grid, and how many there are.
    """
    height, width = image.shape[:2]
    shrink = min(1.0, sqrt(MAX_PIXELS / (height * width)))
    small = image
    if shrink < 1:
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    pieces, count = _grow(small, segments)
    if shrink < 1:
        pieces = cv2.resize(pieces, (width, height), interpolation=cv2.INTER_NEAREST).astype(
            np.int32
        )
    return pieces.astype(np.uint32), count


def _grow(image: NDArray[np.uint8], segments: int) -> tuple[NDArray[np.int32], int]:
    height, width = image.shape[:2]
    cell = max(1.0, sqrt(height * width / segments))
    rows, columns = max(1, round(height / cell)), max(1, round(width / cell))
    count = rows * columns
    if cell < 4:  # cells too small to have an inside
        return _squares(height, width, rows, columns), count
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.0), cv2.COLOR_RGB2LAB)
    # The watershed writes a border of its own around the picture: give it one to write on.
    seeds = cv2.copyMakeBorder(
        _seeds(height, width, rows, columns), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0
    )
    framed = cv2.copyMakeBorder(lab, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    grown = cv2.watershed(framed, seeds.astype(np.int32))[1:-1, 1:-1]
    return _close(np.ascontiguousarray(grown)) - 1, count


def _squares(height: int, width: int, rows: int, columns: int) -> NDArray[np.int32]:
    """Return the number of the grid's cell at each pixel, from 0."""
    down = (np.arange(height) * rows // height).astype(np.int32)
    across = (np.arange(width) * columns // width).astype(np.int32)
    return down[:, None] * columns + across


def _seeds(height: int, width: int, rows: int, columns: int) -> NDArray[np.int32]:
    """Return the middle of each cell with its number from 1, 0 elsewhere."""

    def middle(length: int, cells: int) -> NDArray[np.bool_]:
        place = (np.arange(length) * cells / length) % 1
        near = np.abs(place + 0.5 * cells / length - 0.5)
        chosen = near <= _CORE / 2
        number = np.arange(length) * cells // length
        for missed in set(range(cells)) - set(number[chosen].tolist()):
            inside = np.flatnonzero(number == missed)
            chosen[inside[near[inside].argmin()]] = True
        return chosen

    mask = middle(height, rows)[:, None] & middle(width, columns)
    return np.where(mask, _squares(height, width, rows, columns) + 1, 0).astype(np.int32)


def _close(pieces: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give the pixels of the watershed's lines (-1) to a piece beside them."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    found = np.maximum(pieces, 0)
    while True:
        open_ = found == 0
        if not open_.any():
            return found
        grown = cv2.dilate(found.astype(np.float32), cross)  # exact up to 16 million pieces
        found = np.where(open_, grown, found).astype(np.int32)


class Superpixels:
    """Superpixels of the last photos, in memory."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept, self._lock = kept, Lock()
        self._found: OrderedDict[str, tuple[NDArray[np.uint32], int]] = OrderedDict()

    def get(self, key: str, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint32], int]:
        """Return the superpixels of the photo that has a key, such as its hash."""
        with self._lock:
            if key not in self._found:
                self._found[key] = make_superpixels(image)
            self._found.move_to_end(key)
            while len(self._found) > self._kept:
                self._found.popitem(last=False)
            return self._found[key]

    def has(self, key: str) -> bool:
        """Return whether a photo's superpixels are in memory."""
        with self._lock:
            return key in self._found
