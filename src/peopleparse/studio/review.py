"""A second person's labels, kept beside the first's, and how far the two agree.

    <project>/review/<id>/<hash of the uid>.png and .json

The last review of each person is kept. It lies outside annotations/, which readers of the GPS
form hold to be photos only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import hash_ids, write_file
from peopleparse.data.gps_record import scheme_of
from peopleparse.data.png import encode_label_png
from peopleparse.errors import DataError
from peopleparse.labels import Scheme
from peopleparse.studio import journal
from peopleparse.studio.annotation_store import AnnotationStore, check_labels
from peopleparse.studio.history import file_key
from peopleparse.studio.person_masks import read_mask, size_of
from peopleparse.studio.photo_reader import find_entry
from peopleparse.studio.photo_record import now
from peopleparse.studio.refusals import missing, unusable
from peopleparse.web.problems import Problem

FOLDER = "review"
Counts = dict[str, list[int]]  # part: pixels of both, pixels of either


def count_agreement(first: NDArray[np.uint8], second: NDArray[np.uint8], scheme: Scheme) -> Counts:
    """Return, for each part that either (H, W) map shows, pixels of both and pixels of either.

    Pixels that one of the two ignores count for nothing; "person" is any part at all.
    """
    judged = (first != scheme.ignore_id) & (second != scheme.ignore_id)
    joint = np.bincount(first[judged].astype(np.intp) * 256 + second[judged], minlength=65536)
    table = joint.reshape(256, 256)
    found: Counts = {}
    for label in scheme.labels:
        both = int(table[label.id, label.id])
        either = int(table[label.id].sum() + table[:, label.id].sum()) - both
        if label.id and either:
            found[label.name] = [both, either]
    either = int(table.sum() - table[0, 0])
    if either:
        found["person"] = [int(table[1:, 1:].sum()), either]
    return found


def score_agreement(counts: Mapping[str, Iterable[int]]) -> dict[str, Any]:
    """Return mean_iou over parts, parts: IoU of each, and person_iou; None where nothing was shown.

    >>> score_agreement({"face": [1, 2], "hair": [3, 4], "person": [6, 6]})
    {'mean_iou': 0.625, 'parts': {'face': 0.5, 'hair': 0.75}, 'person_iou': 1.0}
    """
    scores = {part: both / either for part, (both, either) in counts.items() if either}
    person = scores.pop("person", None)
    mean = sum(scores.values()) / len(scores) if scores else None
    return {"mean_iou": mean, "parts": scores, "person_iou": person}


def save_review(
    store: AnnotationStore, photo_id: str, uid: str, labels: NDArray[np.uint8], annotator: str
) -> dict[str, Any]:
    """Keep a second person's labels, (H, W) uint8, and return the review with its agreement.

    Raises:
        Problem: there is no such person (404), the labels do not fit or the reviewer painted the
            person (422), or nothing can be saved (403, 507).
    """
    store.check_writable()
    first, revision = store.read_labels(photo_id, uid)
    record = store.record(photo_id)
    entry = find_entry(record, photo_id, uid)
    scheme = scheme_of(record["image"].get("subset"))
    check_labels(labels, size_of(record), scheme, photo_id)
    if not annotator or annotator == entry.get("annotator"):
        raise Problem(
            422,
            "same-annotator",
            f"review must be by somebody else than the annotator, got '{annotator}', at person "
            f"{entry['index']} of photo '{photo_id}'. Ask a second person, or give your name.",
        )
    counts = count_agreement(first, labels, scheme)
    review = {
        "uid": uid,
        "annotator": annotator,
        "painted_by": entry.get("annotator"),
        "saved_at": now(),
        "revision": revision,
        "of_sha256": hash_ids(first),
        "mask_sha256": hash_ids(labels),
        "counts": counts,
    }
    place = _place(store.folder, photo_id, uid)
    with journal.only_writer(store.folder), journal.saying_full(place):
        write_file(place.with_suffix(".png"), encode_label_png(labels, scheme.palette))
        write_file(place.with_suffix(".json"), json.dumps(review, ensure_ascii=False).encode())
    return _describe(review, review["of_sha256"])


def find_review(store: AnnotationStore, photo_id: str, uid: str) -> dict[str, Any]:
    """Return the review of a person: annotator, saved_at, agreement, and if labels changed since.

    Raises:
        Problem: there is no such person, or no review of it (404).
    """
    entry = find_entry(store.record(photo_id), photo_id, uid)
    review = _read(_place(store.folder, photo_id, uid).with_suffix(".json"))
    if review is None:
        raise missing("review", uid, f"Nobody has reviewed this person of photo '{photo_id}' yet.")
    return _describe(review, entry.get("mask_sha256"))


def read_review_labels(store: AnnotationStore, photo_id: str, uid: str) -> NDArray[np.uint8]:
    """Return the second person's labels, (H, W) uint8.

    Raises:
        Problem: as `find_review`, or the PNG cannot be used (422).
    """
    find_review(store, photo_id, uid)
    try:
        path = _place(store.folder, photo_id, uid).with_suffix(".png")
        return read_mask(path, store.record(photo_id))
    except DataError as error:
        raise unusable(error) from error


def measure_agreement(store: AnnotationStore, photo_ids: Iterable[str]) -> dict[str, Any]:
    """Return the agreement of a whole project: pixels of all reviews counted together.

    Reviews of labels that changed since are left out and counted as `stale`.
    """
    both, either = Counter[str](), Counter[str]()
    reviews = stale = 0
    for photo_id in photo_ids:
        if not (store.folder / FOLDER / photo_id).is_dir():
            continue
        try:
            persons = store.record(photo_id)["persons"]
        except Problem:  # a fault that the photo shows
            continue
        for entry in persons:
            path = _place(store.folder, photo_id, entry["uid"]).with_suffix(".json")
            review = _read(path)
            if review is None:
                continue
            if review["of_sha256"] != entry.get("mask_sha256"):
                stale += 1
                continue
            reviews += 1
            for part, (shared, union) in review["counts"].items():
                both[part] += shared
                either[part] += union
    counts = {part: [both[part], either[part]] for part in either}
    return {"reviews": reviews, "stale": stale} | score_agreement(counts)


def _place(folder: Path, photo_id: str, uid: str) -> Path:
    return folder / FOLDER / photo_id / file_key(uid)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    good = isinstance(found, dict) and {"of_sha256", "counts", "annotator"} <= set(found)
    return found if good else None


def _describe(review: Mapping[str, Any], current: Any) -> dict[str, Any]:
    known = ("uid", "annotator", "painted_by", "saved_at", "revision")
    return {name: review.get(name) for name in known} | {
        "agreement": score_agreement(review["counts"]),
        "stale": review["of_sha256"] != current,
    }
