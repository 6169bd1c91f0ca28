"""Run lengths of all parts of all people in one walk through the photo, instead of one a part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.labels import Label
from peopleparse.structures import ParsedPeople, Person
from peopleparse.viz.rle import compress_runs

_IDS = 256


@dataclass(frozen=True)
class EncodedMask:
    """A mask as run lengths.

    Attributes:
        area: pixels.
        box: x1, y1, x2, y2 at pixel edges.
        rle: COCO's compressed form; see `peopleparse.viz.rle`.
    """

    area: int
    box: list[int]
    rle: dict[str, object]


def encode_parts(result: ParsedPeople) -> list[tuple[Person, list[tuple[Label, EncodedMask]]]]:
    """Return each person with the parts present, in the order of the scheme."""
    found = encode_ids(result.instances.astype(np.int32) * _IDS + _owned(result))
    people = []
    for person in result.people:
        parts = ((label, found.get(person.index * _IDS + label.id)) for label in _named(result))
        people.append((person, [(label, mask) for label, mask in parts if mask is not None]))
    return people


def encode_people(result: ParsedPeople) -> dict[int, EncodedMask]:
    """Return the pixels of each person by its number."""
    return encode_ids(result.instances.astype(np.int32))


def encode_ids(ids: NDArray[np.int32]) -> dict[int, EncodedMask]:
    """Return the mask of each id in a map but 0, by id.

    Args:
        ids: (H, W) int32, 0 or more.

    >>> encode_ids(np.array([[0, 7], [7, 7]], np.int32))[7].rle["counts"]
    '13'
    """
    size = ids.shape[0], ids.shape[1]
    values, xs, tops, bottoms = _column_runs(ids)
    if not len(values):
        return {}
    order = np.argsort(values, kind="stable")
    values, xs, tops, bottoms = (some[order] for some in (values, xs, tops, bottoms))
    firsts = np.flatnonzero(np.diff(values, prepend=0))  # where the runs of an id begin
    areas = np.add.reduceat(bottoms - tops, firsts)
    last = np.append(firsts[1:], len(values)) - 1
    boxes = np.stack(
        [
            *(xs[firsts], np.minimum.reduceat(tops, firsts)),
            *(xs[last] + 1, np.maximum.reduceat(bottoms, firsts)),
        ],
        axis=1,
    )
    starts, ends = xs * size[0] + tops, xs * size[0] + bottoms
    # A run that goes on at the top of the next column is one run.
    goes_on = (starts[1:] == ends[:-1]) & (values[1:] == values[:-1])
    keep_start, keep_end = np.append(True, ~goes_on), np.append(~goes_on, True)
    counts = _join_edges(starts[keep_start], ends[keep_end], values[keep_start], size)
    return {
        key: EncodedMask(area, box, {"size": list(size), "counts": text})
        for key, area, box, text in zip(
            values[firsts].tolist(), areas.tolist(), boxes.tolist(), counts, strict=True
        )
    }


def _column_runs(ids: NDArray[np.int32]) -> tuple[NDArray[np.int64], ...]:
    """Return id, column, top and bottom of each run of an id, column by column."""
    rows, columns = np.flatnonzero(ids.any(axis=1)), np.flatnonzero(ids.any(axis=0))
    if not len(rows):
        return (np.zeros(0, np.int64),) * 4
    top, left = rows[0], columns[0]
    window = np.ascontiguousarray(ids[top : rows[-1] + 1, left : columns[-1] + 1].T)  # (w, h)
    height = window.shape[1]
    change = np.ones(window.shape, bool)
    np.not_equal(window[:, 1:], window[:, :-1], out=change[:, 1:])
    starts = np.flatnonzero(change)
    lengths = np.diff(starts, append=window.size)
    values = window.ravel()[starts].astype(np.int64)
    kept = values > 0
    starts, lengths, values = starts[kept], lengths[kept], values[kept]
    xs, tops = np.divmod(starts, height)
    return values, xs + left, tops + top, tops + top + lengths


def _join_edges(
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    values: NDArray[np.int64],
    size: tuple[int, int],
) -> Iterator[str]:
    """Return the compressed run lengths of each id, from where its runs start and end."""
    firsts = np.flatnonzero(np.diff(values, prepend=0))
    runs = np.diff(firsts, append=len(values))  # of each id
    group = np.repeat(np.arange(len(runs)), runs)
    # For each id: 0, then start and end of each run, then the number of pixels.
    places = 2 * np.arange(len(starts)) + 2 * group + 1
    edges = np.zeros(2 * len(starts) + 2 * len(runs), np.int64)
    edges[places], edges[places + 1] = starts, ends
    closing = np.cumsum(2 * runs + 2) - 1
    edges[closing] = size[0] * size[1]
    counts, kept = np.diff(edges), np.ones(len(edges) - 1, bool)
    kept[closing[:-1]] = False  # between two ids
    kept[closing - 1] &= counts[closing - 1] > 0  # no zeros follow where a mask ends the image
    lengths = np.add.reduceat(kept, np.append(0, closing[:-1] + 1))
    return compress_runs(counts[kept], lengths)


def _owned(result: ParsedPeople) -> NDArray[Any]:
    return np.where(result.instances > 0, result.parsing, 0)


def _named(result: ParsedPeople) -> list[Label]:
    return [label for label in result.scheme.labels if label.id]
