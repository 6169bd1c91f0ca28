"""The JSON of one photo as the studio reads it: states, persons, who saved when."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import hash_bytes, hash_ids, read_image_size
from peopleparse.data.gps_record import UNFINISHED, describe_person, make_record, scheme_of
from peopleparse.errors import DataError
from peopleparse.labels import Scheme
from peopleparse.structures import Annotation
from peopleparse.web.problems import Problem

MAX_PERSONS = 255
DEFAULT_SPLIT = "train"
# What is the studio's own in a JSON; readers of the GPS form pass over it.
EXTRA = "studio"


def now() -> str:
    """Return the time as it is stored."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def make_blank_record(
    path: Path, photo_id: str, subset: str | None, allow_overlap: bool, split: str = DEFAULT_SPLIT
) -> dict[str, Any]:
    """Return the JSON of a photo in which nobody was counted yet.

    Raises:
        DataError: the photo is missing, broken or not stored upright.
    """
    height, width = read_image_size(path)
    image = {
        "file": f"images/{path.name}",
        "sha256": hash_bytes(path.read_bytes()),
        "width": width,
        "height": height,
        "subset": subset,
        "split": split,
    }
    nobody = Annotation(np.zeros((0, height, width), np.uint8), scheme_of(subset), photo_id)
    extra = {"revision": 0, "counted": False, "allow_overlap": allow_overlap}
    return make_record(nobody, image, extra={EXTRA: extra})


def extra_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the studio's own fields; none in a set that it has not written."""
    found = record.get(EXTRA)
    return dict(found) if isinstance(found, dict) else {}


def revision_of(record: Mapping[str, Any]) -> int:
    """Return the revision of the list of persons."""
    found = extra_of(record).get("revision")
    return found if isinstance(found, int) else 0


def check_persons(record: Mapping[str, Any], path: Path) -> None:
    """Check that each person entry can be told from the others.

    Raises:
        DataError: an entry is no mapping, or has no uid of its own.
    """
    uids = [entry.get("uid") if isinstance(entry, dict) else None for entry in record["persons"]]
    if not all(isinstance(uid, str) and uid for uid in uids) or len(set(uids)) < len(uids):
        raise DataError(
            f"persons must be mappings with a uid of their own, got {uids}, at {path}. "
            "Correct the JSON, or take the photo's folder out and annotate it again."
        )


def state_of(record: Mapping[str, Any]) -> str:
    """Return todo, counted, painting, painted or checked.

    A photo that was counted and shows nobody is painted: nothing is left to do.
    """
    statuses = {entry.get("status") for entry in record["persons"]}
    if not statuses:
        return "painted" if extra_of(record).get("counted") else "todo"
    if statuses == {"checked"}:
        return "checked"
    if statuses <= {"done", "checked"}:
        return "painted"
    return "counted" if statuses == {"todo"} else "painting"


def summarize(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the list of photos shows of one."""
    image, persons = record["image"], record["persons"]
    return {
        "state": state_of(record),
        "persons": len(persons),
        "done": sum(entry.get("status") not in UNFINISHED for entry in persons),
        "width": image["width"],
        "height": image["height"],
        "annotators": sorted({str(p["annotator"]) for p in persons if p.get("annotator")}),
    }


def describe_entry(entry: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """Return what the page gets of one person of a photo of (height, width)."""
    known = ("uid", "index", "status", "annotator", "occluded", "truncated", "area", "seconds")
    found = {name: entry.get(name) for name in (*known, "mask_sha256", "saved_at")}
    parts = entry.get("part_areas")
    return found | {
        "click": click_of(entry, size),
        "revision": person_revision(entry),
        "box": entry.get("bbox"),
        "parts": parts if isinstance(parts, dict) else {},
    }


def person_revision(entry: Mapping[str, Any]) -> int:
    """Return the revision of a person's labels; 0 where nothing was painted yet."""
    found = entry.get("revision")
    return found if isinstance(found, int) else 0


def click_of(entry: Mapping[str, Any], size: tuple[int, int]) -> list[float]:
    """Return where a person was clicked while counting, or else the middle of its box."""
    click = entry.get("click_xy")
    if isinstance(click, Sequence) and len(click) == 2:
        return [click[0], click[1]]
    box = entry.get("bbox") or [0, 0, size[1], size[0]]
    return [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]


def new_person(click: Sequence[float] | None, labels: NDArray[np.uint8]) -> dict[str, Any]:
    """Return the entry of a person on whom nothing is painted, for labels (H, W) of zeros."""
    return {
        "index": 0,
        **describe_blank(labels),
        "uid": f"p{secrets.token_hex(5)}",
        "click_xy": None if click is None else list(click),
        "occluded": None,
        "truncated": None,
        "status": "todo",
        "annotator": None,
        "revision": 0,
        "seconds": None,
    }


def describe_blank(labels: NDArray[np.uint8]) -> dict[str, Any]:
    """Return what labels of zeros say."""
    return {
        "bbox": None,
        "area": 0,
        "part_areas": {},
        "centroid_x": None,
        "mask_sha256": hash_ids(labels),
    }


def describe_labels(labels: NDArray[np.uint8], scheme: Scheme) -> dict[str, Any]:
    """Return what `describe_person` does, looking only at the rows that hold something."""
    rows = np.flatnonzero(labels.any(axis=1))
    if not len(rows):
        return describe_blank(labels)
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    found = describe_person(labels[top:bottom], scheme)
    if found["bbox"] is not None:
        x1, y1, x2, y2 = found["bbox"]
        found["bbox"] = [x1, y1 + top, x2, y2 + top]
    return found | {"mask_sha256": hash_ids(labels)}


def check_click(click: Any, size: tuple[int, int], photo_id: str) -> list[float]:
    """Return a click that lies on a photo of (height, width).

    Raises:
        Problem: it is none (422).
    """
    good = (
        isinstance(click, Sequence)
        and len(click) == 2
        and all(isinstance(v, int | float) and math.isfinite(v) for v in click)
        and 0 <= click[0] <= size[1]
        and 0 <= click[1] <= size[0]
    )
    if not good:
        raise Problem(
            422,
            "bad-click",
            f"click must be [x, y] on the photo of {size[1]} x {size[0]}, got {click}, "
            f"at photo '{photo_id}'. Click on the person.",
        )
    return [click[0], click[1]]
