"""Run lengths of masks in the compressed form of COCO, written without pycocotools.

Source: cocodataset/cocoapi, the format of common/maskApi.h: runs are counted down the columns,
zeros first; from the fourth on, each is stored as its difference to the run two before; numbers
are split into groups of five bits, lowest first, with a sixth bit for "more", plus 48 as ASCII.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def encode_rle(mask: NDArray[np.bool_]) -> dict[str, object]:
    """Encode a mask.

    Args:
        mask: (H, W) bool or 0 and 1.

    Returns:
        `size` [H, W] and `counts`, a str: JSON-able, and what pycocotools decodes.

    >>> encode_rle(np.eye(2, dtype=bool))
    {'size': [2, 2], 'counts': '0120'}
    """
    return encode_crop(mask, 0, 0, (mask.shape[0], mask.shape[1]))


def encode_crop(
    crop: NDArray[np.bool_], left: int, top: int, size: tuple[int, int]
) -> dict[str, object]:
    """Encode a mask of image size (H, W) that is only set inside a crop at (left, top)."""
    starts, ends = _runs(np.asarray(crop, bool), left, top, size[0])
    edges = np.empty(2 * len(starts) + 2, np.int64)
    edges[0], edges[-1] = 0, size[0] * size[1]
    edges[1:-1:2], edges[2:-1:2] = starts, ends
    counts = np.diff(edges)
    if len(counts) > 1 and counts[-1] == 0:  # the mask ends with the image: no zeros follow
        counts = counts[:-1]
    return {"size": [int(size[0]), int(size[1])], "counts": next(compress_runs(counts))}


def _runs(
    crop: NDArray[np.bool_], left: int, top: int, height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where runs start and end, counted down the columns of the whole image."""
    columns = np.pad(crop.T.astype(np.int8), ((0, 0), (1, 1)))  # (w, h + 2)
    steps = np.diff(columns, axis=1)  # (w, h + 1)
    start_x, start_y = np.nonzero(steps == 1)
    end_x, end_y = np.nonzero(steps == -1)
    starts = (start_x + left) * height + start_y + top
    ends = (end_x + left) * height + end_y + top
    joined = starts[1:] == ends[:-1]  # a run that goes on at the top of the next column
    keep_start, keep_end = np.append(True, ~joined), np.append(~joined, True)
    if len(starts) == 0:
        return starts, ends
    return starts[keep_start], ends[keep_end]


def compress_runs(
    counts: NDArray[np.int64], lengths: NDArray[np.int64] | None = None
) -> Iterator[str]:
    """Yield the compressed run lengths of one mask after the other.

    Args:
        counts: run lengths of all masks, one mask behind the other.
        lengths: how many of them each mask has; None for one mask.
    """
    lengths = np.array([len(counts)]) if lengths is None else lengths
    firsts = np.cumsum(lengths) - lengths
    place = np.arange(len(counts)) - np.repeat(firsts, lengths)  # in its mask
    values = counts.copy()
    later = np.flatnonzero(place >= 3)
    values[later] -= counts[later - 2]
    groups: list[NDArray[np.uint8]] = []
    used: list[NDArray[np.bool_]] = []
    more = np.ones(len(values), bool)
    while more.any():
        low = values & 31
        values >>= 5  # keeps the sign
        used.append(more)
        # Done when what is left is only the sign that the group's highest bit repeats.
        more = more & np.where(low & 16, values != -1, values != 0)
        groups.append((low + (more << 5) + 48).astype(np.uint8))
    table, wanted = np.stack(groups, axis=1), np.stack(used, axis=1)  # (counts, groups)
    text = table[wanted].tobytes().decode("ascii")
    ends = np.cumsum(wanted.sum(axis=1))[firsts + lengths - 1]
    for start, end in pairwise([0, *ends.tolist()]):
        yield text[start:end]
