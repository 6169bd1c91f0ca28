"""Run lengths of masks in COCO's compressed form: the way back of peopleparse.data.rle.

Source: cocodataset/cocoapi, common/maskApi.c (rleToString).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def encode_mask(mask: NDArray[np.bool_]) -> dict[str, object]:
    """Return `size` [H, W] and compressed `counts` of a (H, W) mask.

    >>> encode_mask(np.eye(2, dtype=bool))
    {'size': [2, 2], 'counts': '0120'}
    """
    pixels = np.asarray(mask, bool).T.ravel()  # down the columns
    changes = np.flatnonzero(np.diff(pixels, prepend=False))  # the first run is of zeros
    counts = np.diff([0, *changes.tolist(), len(pixels)]).tolist()
    return {"size": [int(length) for length in mask.shape], "counts": compress(counts)}


def compress(counts: Sequence[int]) -> str:
    """Return run lengths as COCO's text.

    >>> compress([0, 1, 2, 1])
    '0120'
    """
    # From the fourth run on, the difference to the run two before is stored.
    values = [count - counts[i - 2] if i > 2 else count for i, count in enumerate(counts)]
    return "".join(digit for value in values for digit in _digits(value))


def _digits(value: int) -> Iterator[str]:
    """Yield five bits a character, lowest first; the sixth says that more follow."""
    while True:
        low, value = value & 31, value >> 5  # the shift keeps the sign
        # Done when what is left is only the sign that the highest bit repeats.
        more = value != (-1 if low & 16 else 0)
        yield chr(48 + low + 32 * more)
        if not more:
            return
