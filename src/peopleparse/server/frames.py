"""Labels of one image as bytes, from process to process and in the cache of the truth.

A frame is the length of a JSON head and of the bytes of its arrays, 4 bytes each, and both. What
comes from the process that reads an archive is believed only as far as it can be checked.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.image_labels import ImageLabels, RegionMap
from peopleparse.errors import DataError

_LENGTHS = struct.Struct("<2I")
_MOST_HEAD = 1 << 16
_TYPES = {"uint8": np.uint8, "uint16": np.uint16, "float64": np.float64, "int64": np.int64}
_NAMES = (
    "persons", "owners", "scores", "parsing", "numbers", "label_ids", "region_scores",
)  # fmt: skip


def pack_labels(image_id: str, labels: ImageLabels | None, more: dict[str, Any]) -> list[bytes]:
    """Return the parts of a frame.

    Args:
        image_id: the image.
        labels: None where there are none.
        more: further members of the head.
    """
    arrays = _arrays_of(labels)
    shapes = {name: [array.dtype.name, *array.shape] for name, array in arrays.items()}
    head = json.dumps({"id": image_id, "arrays": shapes, **more}).encode()
    bodies = [np.ascontiguousarray(array).tobytes() for array in arrays.values()]
    return [_LENGTHS.pack(len(head), sum(map(len, bodies))), head, *bodies]


def unpack_labels(head: dict[str, Any], body: bytes | bytearray | memoryview) -> ImageLabels | None:
    """Return the labels of a frame; None where it has none.

    Raises:
        DataError: head and bytes do not fit.
    """
    arrays: dict[str, NDArray[Any]] = {}
    at = 0
    for name, (kind, *shape) in head["arrays"].items():
        dtype = np.dtype(_TYPES[kind])
        count = math.prod(shape)
        if name not in _NAMES or min(shape) < 0 or at + count * dtype.itemsize > len(body):
            raise DataError("frame must hold its arrays, got others. Score the archive again.")
        arrays[name] = np.frombuffer(body, dtype, count, at).reshape(shape)
        at += count * dtype.itemsize
    if at != len(body):
        raise DataError(f"frame must have {at} bytes, got {len(body)}. Score the archive again.")
    if not arrays:
        return None
    regions = None
    persons: Any = arrays.get("persons")
    if "numbers" in arrays:
        label_ids = arrays["label_ids"].astype(np.intp)
        regions = RegionMap(arrays["numbers"], label_ids, arrays.get("region_scores"))
    if persons is not None and "owners" in arrays:
        persons = (persons, arrays["owners"])
    return ImageLabels(persons, arrays.get("scores"), arrays.get("parsing"), regions)


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytearray] | None:
    """Read the head and the bytes of the next frame; None at the end, or where one is cut off."""
    lengths = _read_exactly(stream, _LENGTHS.size)
    if lengths is None:
        return None
    head_length, body_length = _LENGTHS.unpack(lengths)
    if head_length > _MOST_HEAD:
        raise DataError(f"head must be at most {_MOST_HEAD} bytes, got {head_length}.")
    head, body = _read_exactly(stream, head_length), _read_exactly(stream, body_length)
    return None if head is None or body is None else (json.loads(head), body)


def _read_exactly(stream: BinaryIO, length: int) -> bytearray | None:
    data = bytearray(length)
    view, at = memoryview(data), 0
    while at < length:
        count = stream.readinto(view[at:])  # type: ignore[attr-defined]
        if not count:
            return None
        at += count
    return data


def _arrays_of(labels: ImageLabels | None) -> dict[str, NDArray[Any]]:
    if labels is None:
        return {}
    found: dict[str, NDArray[Any] | None] = {"scores": labels.scores, "parsing": labels.parsing}
    if isinstance(labels.persons, tuple):
        found |= {"persons": labels.persons[0], "owners": labels.persons[1]}
    else:
        found["persons"] = labels.persons
    if labels.regions is not None:
        regions = labels.regions
        found |= {"numbers": regions.numbers.astype(np.uint16), "region_scores": regions.scores}
        found["label_ids"] = regions.label_ids.astype(np.int64)
    return {name: array for name, array in found.items() if array is not None}
