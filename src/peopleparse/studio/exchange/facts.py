"""What travels beside the pixels of photos and persons, and how strangers' values are checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from peopleparse.data.gps_record import STATUSES
from peopleparse.errors import DataError

PHOTO_FACTS = (
    *("image_id", "layout", "n_persons", "counted", "order"),
    *("sha256", "subset", "split"),
)
PERSON_FACTS = (
    *("uid", "click_xy", "occluded", "truncated", "status"),
    *("annotator", "revision", "seconds"),
)
SIGHTS = ("occluded", "truncated")  # what annotators say of a person in other tools, too
FURTHER = "further fields of persons and photos, which other formats do not carry"
_LONGEST = 200


def check_person_facts(values: Any, place: str) -> dict[str, Any]:
    """Return the known facts of a person, checked; others are left out.

    Raises:
        DataError: a value is not what its field holds.
    """
    if not isinstance(values, Mapping):
        raise DataError(
            f"facts of a person must be a mapping, got {type(values).__name__}, at {place}. "
            "Leave them as they were exported."
        )
    return _check(values, _PERSON_CHECKS, place)


def check_photo_facts(values: Any, place: str) -> dict[str, Any]:
    """Return the known facts of a photo, checked; others are left out.

    Raises:
        DataError: a value is not what its field holds.
    """
    return _check(values, _PHOTO_CHECKS, place) if isinstance(values, Mapping) else {}


def _check(
    values: Mapping[Any, Any], checks: Mapping[str, tuple[Callable[[Any], bool], str]], place: str
) -> dict[str, Any]:
    found = {}
    for name, (fits, expected) in checks.items():
        value = values.get(name)
        if value is not None and not fits(value):
            raise DataError(
                f"{name} must be {expected} or nothing, got {str(value)[:40]!r}, at {place}. "
                "Correct it, or leave it as it was exported."
            )
        if name in values:
            found[name] = value
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and value.isprintable()


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31


def _is_point(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))


_TEXT = (_is_text, f"a line of at most {_LONGEST} characters")
_COUNT = (_is_count, "a whole number from 0")
_YES_OR_NO = (lambda value: isinstance(value, bool), "true or false")
_PERSON_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "uid": _TEXT,
    "click_xy": (_is_point, "x and y"),
    "occluded": _YES_OR_NO,
    "truncated": _YES_OR_NO,
    "status": (lambda value: value in STATUSES, f"one of {', '.join(STATUSES)}"),
    "annotator": _TEXT,
    "revision": _COUNT,
    "seconds": (lambda value: _is_number(value) and value >= 0, "a number from 0"),
}
_PHOTO_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "image_id": _TEXT,
    "layout": _TEXT,
    "n_persons": _COUNT,
    "counted": _YES_OR_NO,
    "order": _TEXT,
    "sha256": _TEXT,
    "subset": _TEXT,
    "split": _TEXT,
}
