"""What is counted of one image: its size, each person's box and parts, the pixels they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.gps_labels import GpsLabels
from peopleparse.data.image_labels import ImageLabels, size_of
from peopleparse.data.label_source import FileLabels
from peopleparse.data.map_labels import MapLabels
from peopleparse.errors import DataError
from peopleparse.labels import Scheme
from peopleparse.structures import mask_box

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class PersonFacts:
    """One person of an image.

    Attributes:
        box: x1, y1, x2, y2 around the labelled pixels, None where there are none.
        areas: part to labelled pixels, only parts that are visible.
        occluded, truncated: what the annotation says; None where it says nothing.
    """

    box: Box | None
    areas: Mapping[str, int]
    occluded: bool | None = None
    truncated: bool | None = None


@dataclass(frozen=True)
class ImageFacts:
    """One image.

    Attributes:
        size: (height, width).
        persons: its persons; None where the format does not tell persons apart.
        areas: part to labelled pixels of the whole image, where there are no persons.
        shared_pixels: pixels that two persons both have, summed over pairs.
        subset, split: what the annotation says, None where it says nothing.
    """

    size: tuple[int, int]
    persons: tuple[PersonFacts, ...] | None
    areas: Mapping[str, int]
    shared_pixels: int = 0
    subset: str | None = None
    split: str | None = None


def read_facts(source: FileLabels, image_id: str) -> ImageFacts:
    """Read what is counted of an image.

    A GPS annotation says it in its JSON, which `check_dataset` compares with the pixels; of every
    other format the pixels are counted. The split is that of the data set's lists of ids, where it
    has some.

    Raises:
        DataError: a file is missing or broken.
    """
    if isinstance(source, GpsLabels) and source.scheme.name in ("gps", "gps-outdoor"):
        return facts_of_record(source.record_of(image_id), source.scheme, source.place_of(image_id))
    facts = facts_of_labels(source.read(image_id), source.scheme)
    split = source.split_of(image_id) if isinstance(source, MapLabels) else None
    return facts if split is None else replace(facts, split=split)


def facts_of_record(record: Mapping[str, Any], scheme: Scheme, place: str) -> ImageFacts:
    """Return what the JSON of a GPS annotation says.

    Args:
        record: the JSON, with the fields that readers rely on.
        scheme: labels of the data set.
        place: path of the JSON, for errors.

    Raises:
        DataError: a person or an overlap is not described as the format wants it.
    """
    image = record["image"]
    return ImageFacts(
        size=(image["height"], image["width"]),
        persons=tuple(_person_of(entry, scheme, place) for entry in record["persons"]),
        areas={},
        shared_pixels=sum(_shared_of(pair, place) for pair in record["overlaps"]),
        subset=image.get("subset"),
        split=image["split"],
    )


def _person_of(entry: Any, scheme: Scheme, place: str) -> PersonFacts:
    found: dict[str, Any] = entry if isinstance(entry, dict) else {}
    box: Any = found.get("bbox")
    areas: Any = found.get("part_areas")
    whole_box = box is None or (_are_whole(box) and len(box) == 4)
    if "bbox" not in found or not whole_box or not _are_areas(areas):
        raise DataError(
            f"persons must have bbox and part_areas, got {entry!r}, at {place}. "
            "Write the annotation again with peopleparse."
        )
    stray = sorted(set(areas) - set(scheme.names[1:]))
    if stray:
        raise DataError(
            f"part_areas must be of parts of scheme '{scheme.name}', got {stray}, at {place}. "
            "Correct the mask or the image's subset."
        )
    return PersonFacts(
        None if box is None else (box[0], box[1], box[2], box[3]),
        areas,
        _yes_or_no(found.get("occluded")),
        _yes_or_no(found.get("truncated")),
    )


def _are_whole(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int for value in values)


def _are_areas(areas: Any) -> bool:
    return isinstance(areas, dict) and _are_whole(list(areas.values()))


def _yes_or_no(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _shared_of(pair: Any, place: str) -> int:
    pixels = pair.get("pixels") if isinstance(pair, dict) else None
    if type(pixels) is not int:
        raise DataError(
            f"overlaps must have pixels, got {pair!r}, at {place}. "
            "Write the annotation again with peopleparse."
        )
    return pixels


def facts_of_labels(labels: ImageLabels, scheme: Scheme) -> ImageFacts:
    """Count the pixels of one image; ignored pixels are nobody's.

    Args:
        labels: maps of the image.
        scheme: labels of the maps.
    """
    size = size_of(labels)
    if labels.persons is None:
        parsing = labels.parsing
        if parsing is None:
            parsing = np.zeros(size, np.uint8)
        counts = np.bincount(parsing.ravel(), minlength=256)
        return ImageFacts(size, None, _name_areas(counts, scheme))
    if isinstance(labels.persons, tuple):
        return ImageFacts(size, _count_owners(*labels.persons, scheme), {})
    persons = tuple(_count_person(parsing, scheme) for parsing in labels.persons)
    claims = _are_labelled(labels.persons, scheme).sum(axis=0, dtype=np.int64)
    return ImageFacts(size, persons, {}, int((claims * (claims - 1) // 2).sum()))


def _count_person(parsing: NDArray[np.uint8], scheme: Scheme) -> PersonFacts:
    counts = np.bincount(parsing.ravel(), minlength=256)
    box = mask_box(_are_labelled(parsing, scheme))
    return PersonFacts(None if box is None else _whole_box(box), _name_areas(counts, scheme))


def _count_owners(
    parsing: NDArray[np.uint8], instances: NDArray[np.uint16], scheme: Scheme
) -> tuple[PersonFacts, ...]:
    """Count persons 1 to N of two maps in one walk, not in one a person."""
    total = int(instances.max(initial=0)) + 1
    ys, xs = np.nonzero((instances > 0) & _are_labelled(parsing, scheme))
    owners = instances[ys, xs].astype(np.int64)
    counts = np.bincount(owners * 256 + parsing[ys, xs], minlength=total * 256).reshape(total, 256)
    low = np.full((total, 2), np.iinfo(np.int64).max)
    high = np.zeros((total, 2), np.int64)
    for axis, places in enumerate((xs, ys)):
        np.minimum.at(low[:, axis], owners, places)
        np.maximum.at(high[:, axis], owners, places + 1)
    boxes = np.concatenate([low, high], axis=1)
    return tuple(
        PersonFacts(
            _whole_box(boxes[number]) if counts[number].any() else None,
            _name_areas(counts[number], scheme),
        )
        for number in range(1, total)
    )


def _are_labelled(parsing: NDArray[np.uint8], scheme: Scheme) -> NDArray[np.bool_]:
    return (parsing > 0) & (parsing != scheme.ignore_id)


def _whole_box(box: NDArray[Any]) -> Box:
    x1, y1, x2, y2 = (int(edge) for edge in box)
    return x1, y1, x2, y2


def _name_areas(counts: NDArray[np.intp], scheme: Scheme) -> dict[str, int]:
    return {
        label.name: int(counts[label.id])
        for label in scheme.labels
        if label.id and counts[label.id]
    }
