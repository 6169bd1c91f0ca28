"""Run lengths as CVAT and Label Studio write them; those of COCO are in viz.rle and data.rle.

Source: cvat-ai/cvat, the XML format 1.1: runs along the rows of the mask's box, zeros first.
thi-ng/umbrella, packages/rle-pack, which Label Studio uses: a head of 32 bits for the number of
values, 5 for their bits less one, and four of 4 bits for the bits of run lengths less one; then
blocks of one bit for "repeated", two for the size of the length, the length less one, and one value
or so many of them. Label Studio packs the RGBA bytes of the whole picture, row by row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import DataError

_CHANNELS = 4
_VALUE_BITS = 8
_SIZES = (3, 4, 8, 16)
_HEAD_BITS = 32 + 5 + 4 * 4


def encode_rows(mask: NDArray[np.bool_]) -> list[int]:
    """Return the run lengths of a (h, w) mask along its rows, zeros first.

    >>> encode_rows(np.array([[1, 0], [0, 1]], bool))
    [0, 1, 2, 1]
    """
    pixels = mask.ravel()
    changes = np.flatnonzero(np.diff(pixels, prepend=False))
    counts: list[int] = np.diff([0, *changes.tolist(), len(pixels)]).tolist()
    return counts


def decode_rows(counts: Sequence[int], size: tuple[int, int], place: str) -> NDArray[np.bool_]:
    """Return the (h, w) mask of run lengths along its rows, zeros first.

    Raises:
        DataError: they do not sum to its pixels.
    """
    runs = np.array(counts, np.int64)
    pixels = size[0] * size[1]
    if (runs < 0).any() or (runs > pixels).any() or runs.sum() != pixels:
        raise DataError(
            f"run lengths must sum to {pixels} pixels ({size[1]} x {size[0]}), got "
            f"{int(runs.sum())}, at {place}. Write the mask again."
        )
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(size)


def pack_mask(mask: NDArray[np.bool_]) -> list[int]:
    """Return a (H, W) mask as the bytes of Label Studio's run lengths: 255 inside, 0 outside."""
    pixels = mask.ravel()
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    starts = np.concatenate([[0], changes])
    runs = np.diff(np.append(starts, len(pixels))) * _CHANNELS
    values = pixels[starts].astype(np.int64) * 255
    longest = 1 << _SIZES[-1]
    parts = -(-runs // longest)  # a run that is longer is cut
    values = np.repeat(values, parts)
    lengths = np.full(len(values), longest, np.int64)
    last = np.cumsum(parts) - 1
    lengths[last] = runs - (parts - 1) * longest
    kind = np.searchsorted([1 << size for size in _SIZES], lengths)
    bits = np.array(_SIZES)[kind]
    codes = (4 + kind) << bits | (lengths - 1)  # 1 for "repeated", then which size
    codes = codes << _VALUE_BITS | values
    widths = 3 + bits + _VALUE_BITS
    head = len(pixels) * _CHANNELS << 21 | (_VALUE_BITS - 1) << 16
    head |= sum((size - 1) << 4 * (3 - i) for i, size in enumerate(_SIZES))
    head_bits = np.unpackbits(np.frombuffer(head.to_bytes(7, "big"), np.uint8))[-_HEAD_BITS:]
    left_aligned = (codes << (32 - widths)).astype(">u4")
    table = np.unpackbits(left_aligned.view(np.uint8).reshape(-1, 4), axis=1)  # (blocks, 32)
    body = table[np.arange(32) < widths[:, None]]
    packed: list[int] = np.packbits(np.concatenate([head_bits, body])).tolist()
    return packed


def unpack_mask(
    rle: Sequence[int], size: tuple[int, int], place: str
) -> tuple[NDArray[np.bool_], int]:
    """Return the (H, W) mask of Label Studio's run lengths, and how many of its pixels are soft.

    A pixel is inside where its opacity is above half; one that is neither 0 nor 255 is soft.

    Raises:
        DataError: they are broken, or of another size.
    """
    try:
        data = bytes(rle)
    except (TypeError, ValueError):
        raise _broken("other values than bytes", place) from None
    bits = _Bits(data, place)
    count = bits.take(32)
    if count != size[0] * size[1] * _CHANNELS:
        raise DataError(
            f"mask must have the {size[0] * size[1] * _CHANNELS} values of its picture "
            f"({size[1]} x {size[0]}), got {count}, at {place}. Paint it on the same picture."
        )
    width = bits.take(5) + 1
    sizes = [bits.take(4) + 1 for _ in range(4)]
    if width != _VALUE_BITS:
        raise _broken(f"values of {width} bits", place)
    values = _unpack_values(bits, count, sizes, place)
    alpha = values.reshape(*size, _CHANNELS)[..., 3]
    return alpha >= 128, int(((alpha > 0) & (alpha < 255)).sum())


def _unpack_values(bits: _Bits, count: int, sizes: Sequence[int], place: str) -> NDArray[np.uint8]:
    values = np.zeros(count, np.uint8)
    at = 0
    while at < count:
        repeated = bits.take(1)
        end = at + 1 + bits.take(sizes[bits.take(2)])
        if end > count:
            raise _broken("more values than it announces", place)
        if repeated:
            values[at:end] = bits.take(_VALUE_BITS)
        else:
            values[at:end] = bits.take_bytes(end - at)
        at = end
    return values


class _Bits:
    """Bits of bytes, first to last."""

    def __init__(self, data: bytes, place: str) -> None:
        self._data, self._place, self._at = data, place, 0

    def take(self, bits: int) -> int:
        """Return the next bits, at most 32, as a number."""
        end = self._at + bits
        if end > 8 * len(self._data):
            raise _broken("fewer bytes than it announces", self._place)
        first, last = self._at // 8, (end + 7) // 8
        number = int.from_bytes(self._data[first:last], "big")
        self._at = end
        return number >> (8 * last - end) & (1 << bits) - 1

    def take_bytes(self, count: int) -> NDArray[np.uint8]:
        """Return the next bytes, wherever in a byte they begin."""
        end = self._at + 8 * count
        if end > 8 * len(self._data):
            raise _broken("fewer bytes than it announces", self._place)
        first, last = self._at // 8, (end + 7) // 8
        bits = np.unpackbits(np.frombuffer(self._data[first:last], np.uint8))
        start = self._at - 8 * first
        self._at = end
        return np.packbits(bits[start : start + 8 * count])


def _broken(what: str, place: str) -> DataError:
    return DataError(
        f"run lengths must be Label Studio's, got {what}, at {place}. Export the project as JSON "
        "again."
    )
