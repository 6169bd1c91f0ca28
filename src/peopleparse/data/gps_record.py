"""The JSON beside the person-level PNGs of one image: made from the masks, checked when read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import hash_ids
from peopleparse.errors import DataError, InputError, suggest
from peopleparse.labels import Scheme, get_scheme
from peopleparse.structures import Annotation, mask_box

SCHEMA = "peopleparse-gps/1"
ORDER = "left_to_right"
FLATTEN_RULE = "the left person wins"
SUBSETS = ("indoor", "outdoor")
STATUSES = ("todo", "doing", "done", "checked")
UNFINISHED = ("todo", "doing")

# What the masks say: never given by hand, and checked against the masks.
COMPUTED_FIELDS = ("index", "bbox", "area", "part_areas", "centroid_x", "mask_sha256")
_SCHEMES = ("gps", "gps-outdoor")
_OUTER_FIELDS: dict[str, type] = {
    "schema": str,
    "image": dict,
    "labels": list,
    "n_persons": int,
    "order": str,
    "persons": list,
    "overlaps": list,
    "flatten_rule": str,
}
_IMAGE_FIELDS = {"file": str, "sha256": str, "width": int, "height": int, "split": str}


def scheme_of(subset: str | None) -> Scheme:
    """Return the labels of a sub-data set: outdoors is without tie."""
    return get_scheme("gps-outdoor" if subset == "outdoor" else "gps")


def fit_subset(annotation: Annotation, subset: str | None) -> Annotation:
    """Return the annotation in the labels of a sub-data set.

    Raises:
        InputError: the sub-data set does not exist or does not have the annotation's labels.
    """
    if subset is not None and subset not in SUBSETS:
        raise InputError(
            f"subset must be one of {', '.join(SUBSETS)} or None, got '{subset}'."
            f"{suggest(subset, SUBSETS)}"
        )
    if annotation.scheme.name not in _SCHEMES:
        raise InputError(
            f"annotation must have the labels of gps, got scheme '{annotation.scheme.name}', "
            f"at image '{annotation.image_id}'. Translate it first."
        )
    return Annotation(annotation.parsings, scheme_of(subset), annotation.image_id)


def make_record(
    annotation: Annotation,
    image: Mapping[str, Any],
    persons: Sequence[Mapping[str, Any]] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the JSON of one image.

    Args:
        annotation: its persons.
        image: the fields of `image`.
        persons: further fields of each person, such as click_xy, occluded or annotator.
        extra: further fields of the image's record.

    Raises:
        InputError: `persons` is not one entry a person, or a field is one that the masks settle.
    """
    given = [{} for _ in range(len(annotation))] if persons is None else list(persons)
    if len(given) != len(annotation):
        raise InputError(
            f"persons must have one entry a person, got {len(given)} for {len(annotation)}, "
            f"at image '{annotation.image_id}'. Give {{}} for a person without further fields."
        )
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "image": dict(image),
        "labels": describe_labels(annotation.scheme),
        "n_persons": len(annotation),
        "order": ORDER,
        "persons": [_make_person(annotation, n, more) for n, more in enumerate(given, 1)],
        "overlaps": count_overlaps(annotation.masks),
        "flatten_rule": FLATTEN_RULE,
    }
    _check_new_fields(extra or {}, record, f"record of image '{annotation.image_id}'")
    return record | dict(extra or {})


def _make_person(annotation: Annotation, index: int, given: Mapping[str, Any]) -> dict[str, Any]:
    _check_new_fields(given, COMPUTED_FIELDS, f"person {index} of '{annotation.image_id}'")
    status = given.get("status", "done")
    if status not in STATUSES:
        raise InputError(
            f"status must be one of {', '.join(STATUSES)}, got '{status}', at person {index} of "
            f"'{annotation.image_id}'.{suggest(status, STATUSES)}"
        )
    settled = {
        "uid": f"{annotation.image_id}-{index}",
        "click_xy": None,
        "occluded": None,
        "truncated": None,
        "status": status,
        "annotator": None,
        "revision": 1,
        "seconds": None,
    }
    measured = describe_person(annotation.parsings[index - 1], annotation.scheme)
    return {"index": index} | measured | settled | dict(given)


def _check_new_fields(given: Mapping[str, Any], taken: Collection[str], what: str) -> None:
    clash = sorted(set(given) & set(taken))
    if clash:
        raise InputError(
            f"further fields must have names of their own, got {clash}, at {what}. "
            "Leave them out: they are read off the masks."
        )


def describe_labels(scheme: Scheme) -> list[dict[str, Any]]:
    """Return id, name and colour of each label."""
    return [{"id": i.id, "name": i.name, "color": list(i.color)} for i in scheme.labels]


def describe_person(parsing: NDArray[np.uint8], scheme: Scheme) -> dict[str, Any]:
    """Return what one person-level map (H, W) says: box, areas, centre and hash.

    The centre is the mean column of the pixels' centres, to a hundredth of a pixel. A map without
    a labelled pixel has no box and no centre.
    """
    areas = np.bincount(parsing.ravel(), minlength=256)
    mask = (parsing > 0) & (parsing != scheme.ignore_id)
    box = mask_box(mask)
    columns = mask.sum(axis=0)
    total = int(columns.sum())
    centre = float((columns * (np.arange(len(columns)) + 0.5)).sum()) / max(total, 1)
    names = {label.name: int(areas[label.id]) for label in scheme.labels if label.id}
    return {
        "bbox": None if box is None else [int(edge) for edge in box],
        "area": total,
        "part_areas": {name: area for name, area in names.items() if area},
        "centroid_x": None if box is None else round(centre, 2),
        "mask_sha256": hash_ids(parsing),
    }


def count_overlaps(masks: NDArray[np.bool_]) -> list[dict[str, int]]:
    """Return each pair of persons, a left of b, and the pixels that both have.

    >>> count_overlaps(np.array([[[1, 1, 0]], [[0, 1, 1]], [[0, 0, 1]]], bool))
    [{'a': 1, 'b': 2, 'pixels': 1}, {'a': 2, 'b': 3, 'pixels': 1}]
    """
    crowded = masks[:, masks.sum(axis=0) > 1].astype(np.float64)  # (N, pixels of two or more)
    shared = np.triu(crowded @ crowded.T, 1).astype(np.int64)
    pairs = zip(*np.nonzero(shared), strict=True)
    return [{"a": int(a) + 1, "b": int(b) + 1, "pixels": int(shared[a, b])} for a, b in pairs]


def find_disorder(persons: Sequence[Mapping[str, Any]]) -> str:
    """Return what is wrong with the left-to-right order of person entries, or "".

    Persons stand by the x that was clicked on while counting, where all of them have one, else by
    the centre of their box. Persons without a pixel are passed over.
    """
    found, what = find_xs(persons)
    xs = [x for x in found if x is not None]
    if xs == sorted(xs):
        return ""
    return f"persons must stand left to right, got {what} at x = {xs}"


def find_xs(persons: Sequence[Mapping[str, Any]]) -> tuple[list[float | None], str]:
    """Return the x by which each person entry stands, None for one without a pixel, and its name.

    >>> find_xs([{"bbox": [2, 0, 6, 9]}, {"bbox": None, "click_xy": [3, 4]}])
    ([4.0, None], 'box centres')
    """
    clicks = [_click_x(person.get("click_xy")) for person in persons]
    if None not in clicks:
        return clicks, "clicks"
    boxes = [person["bbox"] for person in persons]
    return [(box[0] + box[2]) / 2 if box else None for box in boxes], "box centres"


def _click_x(click: Any) -> float | None:
    if isinstance(click, Sequence) and len(click) == 2 and isinstance(click[0], int | float):
        return float(click[0])
    return None


def check_record(record: Any, path: Path) -> dict[str, Any]:
    """Return the parsed JSON of one image if it has the fields that readers rely on.

    Raises:
        DataError: a field is missing or of another type, or the file is of another format.
    """
    outer = record if isinstance(record, dict) else {}
    _check_fields(outer, _OUTER_FIELDS, "", path)
    if outer["schema"] != SCHEMA:
        raise DataError(
            f"schema must be '{SCHEMA}', got '{outer['schema']}', at {path}. "
            "Use the version of peopleparse that wrote it, or convert it."
        )
    image = outer["image"]
    _check_fields(image, _IMAGE_FIELDS, "image.", path)
    subset = image.get("subset")
    if subset is not None and subset not in SUBSETS:
        raise DataError(
            f"image.subset must be one of {', '.join(SUBSETS)} or null, got '{subset}', at {path}."
            " Correct it."
        )
    place = PurePosixPath(image["file"])
    if len(place.parts) != 2 or place.parts[0] != "images":
        raise DataError(
            f"image.file must be images/<name>, got '{image['file']}', at {path}. "
            "Put the image into the folder images."
        )
    if outer["n_persons"] != len(outer["persons"]):
        raise DataError(
            f"n_persons must be the number of persons, got {outer['n_persons']} for "
            f"{len(outer['persons'])}, at {path}. Write the annotation again."
        )
    return outer


def _check_fields(found: dict[str, Any], fields: Mapping[str, type], at: str, path: Path) -> None:
    for name, kind in fields.items():
        if not isinstance(found.get(name), kind):
            got = type(found[name]).__name__ if name in found else "none"
            raise DataError(
                f"field '{at}{name}' must be {kind.__name__}, got {got}, at {path}. "
                "Write the annotation with peopleparse, or see docs/data_format.md."
            )
