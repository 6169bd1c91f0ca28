"""The label PNGs of persons on disk: read, checked against the JSON, and where two share pixels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.data.files import hash_ids, read_image_size
from peopleparse.data.gps import annotation_folder, mask_name
from peopleparse.data.gps_record import scheme_of
from peopleparse.data.label_decode import find_stray
from peopleparse.data.png import read_label_png
from peopleparse.errors import DataError
from peopleparse.labels import Scheme
from peopleparse.structures import mask_box

_CACHE_BYTES = 256 * 2**20


class Cutout(NamedTuple):
    """Where a person's labelled pixels are.

    Attributes:
        box: x1, y1, x2, y2 around them.
        mask: (y2 - y1, x2 - x1) bool.
    """

    box: tuple[int, int, int, int]
    mask: NDArray[np.bool_]


def size_of(record: Mapping[str, Any]) -> tuple[int, int]:
    """Return height and width of a photo."""
    return record["image"]["height"], record["image"]["width"]


def mask_path(folder: Path, photo_id: str, record: Mapping[str, Any], index: int) -> Path:
    """Return the path of a person's PNG."""
    name = mask_name(photo_id, len(record["persons"]), index)
    return annotation_folder(folder, photo_id) / name


def read_mask(path: Path, record: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Read the labels of one person, (H, W) uint8.

    Raises:
        DataError: the file is missing, broken, of another size than its photo, or holds a label
            that the photo's scheme does not have.
    """
    labels = read_label_png(path)
    height, width = size_of(record)
    if labels.shape != (height, width):
        raise _other_size(path, record, labels.shape[1], labels.shape[0])
    scheme = scheme_of(record["image"].get("subset"))
    stray = find_stray(labels, scheme, truth=True)
    if stray:
        raise DataError(
            f"label ids must be ids of scheme '{scheme.name}' or {scheme.ignore_id}, got {stray}, "
            f"at {path}. Correct the mask or the image's subset."
        )
    return labels


def _other_size(path: Path, record: Mapping[str, Any], width: int, height: int) -> DataError:
    expected = size_of(record)
    return DataError(
        f"label PNG must be {expected[1]} x {expected[0]} like its photo, got {width} x {height}, "
        f"at {path}. Put the PNG back that was painted on this photo, or paint the person again."
    )


def find_file_faults(folder: Path, photo_id: str, record: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each file of a photo that does not fit; only headers are read."""
    height, width = size_of(record)
    faults = []
    photo = folder / record["image"]["file"]
    try:
        found = read_image_size(photo)
        if found != (height, width):
            faults.append(
                f"photo must be {width} x {height} as its annotation says, got {found[1]} x "
                f"{found[0]}, at {photo}. Put the photo back that was annotated."
            )
    except DataError as error:
        faults.append(str(error))
    for index in range(1, len(record["persons"]) + 1):
        path = mask_path(folder, photo_id, record, index)
        try:
            with Image.open(path, formats=["PNG"]) as image:
                if image.size != (width, height):
                    faults.append(str(_other_size(path, record, *image.size)))
        except Exception as error:  # Pillow's readers raise many types on broken headers
            faults.append(_describe_broken(path, error))
    return faults


def _describe_broken(path: Path, error: Exception) -> str:
    try:
        read_label_png(path)
    except DataError as told:
        return str(told)
    return f"label PNG must be readable, got '{error}', at {path}. Paint the person again."


class Cutouts:
    """Cutouts of persons, kept in memory by the hash of their labels."""

    def __init__(self, limit: int = _CACHE_BYTES) -> None:
        self._limit, self._bytes = limit, 0
        self._kept: OrderedDict[str, Cutout | None] = OrderedDict()
        self._lock = Lock()

    def of_labels(self, sha256: str, labels: NDArray[np.uint8], scheme: Scheme) -> Cutout | None:
        """Return the cutout of labels, None where nobody is labelled."""
        with self._lock:
            if sha256 in self._kept:
                self._kept.move_to_end(sha256)
                return self._kept[sha256]
        found = make_cutout(labels, scheme)
        with self._lock:
            if sha256 not in self._kept:
                self._kept[sha256] = found
                self._bytes += _bytes_of(found)
            while self._bytes > self._limit and len(self._kept) > 1:
                self._bytes -= _bytes_of(self._kept.popitem(last=False)[1])
        return found

    def read(self, path: Path, record: Mapping[str, Any], sha256: str) -> Cutout | None:
        """Return the cutout of a PNG whose labels have a hash; None for nobody and unfit files."""
        with self._lock:
            if sha256 in self._kept:
                self._kept.move_to_end(sha256)
                return self._kept[sha256]
        try:
            labels = read_mask(path, record)
        except DataError:  # told by find_file_faults
            return None
        return self.of_labels(hash_ids(labels), labels, scheme_of(record["image"].get("subset")))


def make_cutout(labels: NDArray[np.uint8], scheme: Scheme) -> Cutout | None:
    """Return where labels (H, W) are somebody's."""
    mask = (labels > 0) & (labels != scheme.ignore_id)
    box = mask_box(mask)
    if box is None:
        return None
    x1, y1, x2, y2 = (int(edge) for edge in box)
    return Cutout((x1, y1, x2, y2), np.ascontiguousarray(mask[y1:y2, x1:x2]))


def _bytes_of(cutout: Cutout | None) -> int:
    return 0 if cutout is None else cutout.mask.nbytes


def shared_box(a: Sequence[int], b: Sequence[int]) -> tuple[int, int, int, int] | None:
    """Return where two boxes overlap, or None."""
    x1, y1, x2, y2 = max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def shared_pixels(a: Cutout, b: Cutout) -> NDArray[np.bool_] | None:
    """Return the pixels that both have, in the box that they share; None without such a box."""
    box = shared_box(a.box, b.box)
    if box is None:
        return None
    first, second = (_cut(part, box) for part in (a, b))
    return first & second


def _cut(cutout: Cutout, box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    x, y = cutout.box[:2]
    return cutout.mask[box[1] - y : box[3] - y, box[0] - x : box[2] - x]


def count_shared(a: Cutout | None, b: Cutout | None) -> int:
    """Return the number of pixels that two persons both have."""
    both = None if a is None or b is None else shared_pixels(a, b)
    return 0 if both is None else int(both.sum())


def count_overlaps(
    persons: Sequence[Mapping[str, Any]],
    known: Sequence[Mapping[str, int]],
    changed: set[str],
    load: Callable[[int], Cutout | None],
) -> list[dict[str, int]]:
    """Return each pair of persons and the pixels that both have, as `gps_record.count_overlaps`.

    Args:
        persons: their entries.
        known: pairs as they were counted before, of which those without a changed person stand.
        changed: uids of persons whose labels have changed.
        load: returns the cutout of person n, 1 to N.
    """
    counted = {(pair["a"], pair["b"]): pair["pixels"] for pair in known}
    found = []
    for a in range(1, len(persons) + 1):
        for b in range(a + 1, len(persons) + 1):
            pixels = counted.get((a, b), 0)
            first, second = persons[a - 1], persons[b - 1]
            if changed & {first["uid"], second["uid"]}:
                boxes = first.get("bbox"), second.get("bbox")
                near = boxes[0] and boxes[1] and shared_box(boxes[0], boxes[1])
                pixels = count_shared(load(a), load(b)) if near else 0
            if pixels:
                found.append({"a": a, "b": b, "pixels": pixels})
    return found
