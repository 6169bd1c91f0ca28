"""Masks out of the segmentations of COCO: run lengths, compressed or not, and polygons.

Source: cocodataset/cocoapi, common/maskApi.h and maskApi.c: runs go down the columns, zeros first;
a polygon is traced at five times the resolution, and a pixel is inside where an odd number of its
boundary's crossings come before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import DataError

_FINER = 5


def decode_segmentation(value: Any, size: tuple[int, int], place: str) -> NDArray[np.bool_]:
    """Return the mask of a segmentation, (H, W) bool.

    Args:
        value: {"size", "counts"} with counts a list or compressed text, or a list of polygons,
            each x1, y1, x2, y2 and so on; their areas are joined.
        size: (height, width) of the image.
        place: where it is, for errors.

    Raises:
        DataError: it is none of these, or of another size.
    """
    if isinstance(value, dict):
        return _decode_rle(value, size, place)
    if isinstance(value, list) and value and all(_is_polygon(polygon) for polygon in value):
        joined = np.zeros(size, bool)
        for polygon in value:
            joined |= fill_polygon(polygon, size)
        return joined
    raise DataError(
        "segmentation must be run lengths or polygons of three points and more, got "
        f"{str(value)[:40]!r}, at {place}. Write it as COCO does."
    )


def _is_polygon(value: Any) -> bool:
    if not isinstance(value, list) or len(value) < 6 or len(value) % 2:
        return False
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
    return numbers and bool(np.isfinite(np.array(value, np.float64)).all())


def _decode_rle(value: dict[str, Any], size: tuple[int, int], place: str) -> NDArray[np.bool_]:
    if value.get("size") != list(size):
        raise DataError(
            f"segmentation must have size {list(size)} like its image, got {value.get('size')}, "
            f"at {place}. Write height, width."
        )
    counts = value.get("counts")
    try:
        runs = decompress(counts) if isinstance(counts, str) else np.array(counts, np.int64)
    except (ValueError, TypeError, OverflowError):
        runs = np.array([-1])
    if runs.ndim != 1 or (runs < 0).any() or runs.sum() != size[0] * size[1]:
        raise DataError(
            f"run lengths must be whole numbers that sum to {size[0] * size[1]} pixels, "
            f"got {str(counts)[:40]!r}, at {place}. Encode the mask again."
        )
    inside = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(inside, runs).reshape(size[1], size[0]).T)


def decompress(text: str) -> NDArray[np.int64]:
    """Return the run lengths of COCO's compressed form.

    Raises:
        ValueError: the text is not of this form.

    >>> decompress("0120").tolist()  # a 2 x 2 mask of the diagonal: 0 zeros, 1, 2, 1
    [0, 1, 2, 1]
    """
    codes = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - 48
    if not len(codes):
        return codes
    more = (codes & 32) > 0
    if ((codes < 0) | (codes > 63)).any() or more[-1]:
        raise ValueError("no compressed run lengths")
    ends = np.flatnonzero(~more)
    starts = np.append(0, ends[:-1] + 1)
    places = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    if places.max() > 10:
        raise ValueError("a run length has too many digits")
    values = np.add.reduceat((codes & 31) << (5 * places), starts)
    negative = (codes[ends] & 16) > 0
    values -= np.where(negative, np.int64(1) << (5 * (places[ends] + 1)), 0)
    # From the fourth run on, the difference to the run two before is stored.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def fill_polygon(polygon: Sequence[float], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask of one closed polygon, (H, W) bool, pixel for pixel as COCO draws it."""
    height, width = size
    corners = (_FINER * np.array(polygon, np.float64).reshape(-1, 2) + 0.5).astype(np.int64)
    ends = np.roll(corners, -1, axis=0)
    traced = [_trace(a, b) for a, b in zip(corners, ends, strict=True)]
    xs = np.concatenate([x for x, _ in traced])
    ys = np.concatenate([y for _, y in traced])
    step = np.flatnonzero(xs[1:] != xs[:-1])
    # Only boundary points that pass the middle of a column of pixels cross it.
    x1, x2, y1, y2 = xs[step], xs[step + 1], ys[step], ys[step + 1]
    column = (np.where(x2 < x1, x2, x2 - 1) + 0.5) / _FINER - 0.5
    kept = (np.floor(column) == column) & (column >= 0) & (column <= width - 1)
    row = np.ceil(np.clip((np.minimum(y1, y2) + 0.5) / _FINER - 0.5, 0, height))
    crossings = (column * height + row)[kept].astype(np.int64)
    counts = np.bincount(crossings, minlength=height * width + 1)[: height * width]
    return (np.cumsum(counts) % 2 == 1).reshape(width, height).T


def _trace(
    start: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the points of a line, one for each step along its longer axis, start to end."""
    (x1, y1), (x2, y2) = start.tolist(), end.tolist()
    dx, dy = abs(x2 - x1), abs(y2 - y1)
    steep = dx < dy
    flip = y1 > y2 if steep else x1 > x2
    if flip:
        x1, y1, x2, y2 = x2, y2, x1, y1
    at = np.arange(max(dx, dy) + 1)
    at = at[::-1] if flip else at
    slope = ((x2 - x1) / dy if steep else (y2 - y1) / dx) if max(dx, dy) else 0.0
    # Truncated towards zero, as a cast in C.
    if steep:
        return (x1 + slope * at + 0.5).astype(np.int64), at + y1
    return at + x1, (y1 + slope * at + 0.5).astype(np.int64)
