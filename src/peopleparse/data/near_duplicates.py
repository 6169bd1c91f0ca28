"""Photos that are nearly the same: recompressed, resized or slightly cropped copies of another.

A photo is known by the signs of the low frequencies of its small grey image (a perceptual hash),
taken of the whole photo and of two inner cuts, so that a cropped copy meets one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError

BITS = 255
# 99 % of copies with up to 5 % cut off each side are nearer than this to their street photo. Of
# the 1.9 million pairs of Clothing Co-Parsing's photos 13 are, all one photo twice by eye; of the
# next seven, 72 to 76 bits apart, one is.
MAX_DISTANCE = 66

_CUTS = (0.0, 0.025, 0.05)
_SIDE = 64
_FREQUENCIES = 16
_ROWS = 1024


def hash_photo(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the perceptual hash of a photo, (3, 255) bool: the whole and two inner cuts.

    The photo is made grey and shrunk to 64 x 64 pixels. Of its cosine transform the 16 x 16 lowest
    frequencies are kept, without the mean; a bit says whether one is above their median.

    Args:
        image: (H, W, 3) uint8 RGB.

    Raises:
        InputError: it is no such image.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise InputError(
            f"image must be (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}. "
            "Convert it to 8-bit RGB."
        )
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    return np.stack([_hash_grey(_cut(grey, share)) for share in _CUTS])


def _cut(grey: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    height, width = grey.shape
    top, left = round(share * height), round(share * width)
    return grey[top : height - top, left : width - left]


def _hash_grey(grey: NDArray[np.uint8]) -> NDArray[np.bool_]:
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))[:_FREQUENCIES, :_FREQUENCIES].ravel()[1:]
    return np.asarray(waves > np.median(waves))


def count_differences(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how far photos are from each other, (N, M) bits of 255.

    The whole of one photo is compared with the whole and the cuts of the other, both ways; the
    least counts.

    Args:
        first: (N, 3, 255) hashes.
        second: (M, 3, 255) hashes.
    """
    a, b = _signs(first), _signs(second)
    # Signs that agree add 1 and others take 1 away: a product counts them all at once.
    agree = a[0] @ b[0].T
    for cut in range(1, len(_CUTS)):
        np.maximum(agree, a[0] @ b[cut].T, out=agree)
        np.maximum(agree, a[cut] @ b[0].T, out=agree)
    return ((BITS - agree) / 2).astype(np.int64)


def _signs(hashes: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(hashes, np.float32(1), np.float32(-1)).transpose(1, 0, 2)


def find_near_duplicates(
    hashes: Mapping[str, NDArray[np.bool_]], max_distance: int = MAX_DISTANCE
) -> list[list[str]]:
    """Return groups of two and more photos that are nearly the same, sorted.

    Two photos at most `max_distance` bits apart are of one group, and so are photos that a chain
    of such pairs joins.

    Args:
        hashes: `hash_photo` of each photo, by id.
        max_distance: 0 to 255 bits; greater finds more copies and more that are none.

    Raises:
        InputError: the distance is out of range.
    """
    if not 0 <= max_distance <= BITS:
        raise InputError(
            f"distance must be 0 to {BITS} bits, got {max_distance}. "
            f"Give about {MAX_DISTANCE}; 0 finds copies without any change."
        )
    ids = sorted(hashes)
    stack = np.array([hashes[i] for i in ids], bool).reshape(len(ids), len(_CUTS), BITS)
    pairs: list[tuple[str, str]] = []
    for start in range(0, len(ids), _ROWS):
        near = count_differences(stack[start : start + _ROWS], stack[start:]) <= max_distance
        for row, column in np.argwhere(np.triu(near, 1)):
            pairs.append((ids[start + row], ids[start + column]))
    return [group for group in join_pairs(ids, pairs) if len(group) > 1]


def join_pairs(ids: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the groups that pairs join, each sorted, in the order of their first id.

    >>> join_pairs("abcde", [("a", "d"), ("e", "d")])
    [['a', 'd', 'e'], ['b'], ['c']]
    """
    parent = {i: i for i in ids}

    def root(i: str) -> str:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs:
        parent[root(a)] = root(b)
    groups: dict[str, list[str]] = {}
    for i in sorted(ids):
        groups.setdefault(root(i), []).append(i)
    return sorted(groups.values())
