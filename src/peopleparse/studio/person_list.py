"""The list of persons of a photo: counted, numbered left to right, renumbered with their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.gps import mask_name
from peopleparse.data.gps_record import STATUSES, UNFINISHED, find_disorder, find_xs, scheme_of
from peopleparse.data.label_decode import decode_labels
from peopleparse.data.png import encode_label_png
from peopleparse.studio import journal
from peopleparse.studio.annotation_store import AnnotationStore, check_labels
from peopleparse.studio.person_masks import Cutout, count_overlaps, mask_path, size_of
from peopleparse.studio.photo_reader import Record
from peopleparse.studio.photo_record import (
    EXTRA,
    MAX_PERSONS,
    check_click,
    describe_labels,
    extra_of,
    new_person,
    now,
    person_revision,
    revision_of,
)
from peopleparse.studio.refusals import conflict
from peopleparse.web.problems import Problem

Mask = bytes | Path


def put_persons(
    store: AnnotationStore,
    photo_id: str,
    revision: int,
    persons: Sequence[Mapping[str, Any]],
    allow_overlap: bool | None = None,
    annotator: str | None = None,
) -> dict[str, Any]:
    """Set who is in a photo, and return what the page gets of it.

    Persons are numbered left to right by the x of their click, then y, then uid. Labels stay with
    their person. A person who was taken out may be put back by its uid, with its labels.

    Args:
        store: of the project.
        photo_id: the photo.
        revision: of the list that this one was made from.
        persons: uid (None for a new person), click, occluded, truncated of each.
        allow_overlap: whether persons may share pixels; None to leave it.
        annotator: who counted.

    Raises:
        Problem: the list was changed by somebody else (409), a person is unknown or a click is
            off the photo (422), or nothing can be saved (403, 507).
    """
    store.check_writable()
    _check_list(photo_id, persons)
    with journal.only_writer(store.folder):
        record = store.record(photo_id)
        extra = extra_of(record)
        if revision_of(record) != revision:
            raise conflict(f"the persons of photo '{photo_id}'", extra, revision)
        pairs = [_take_person(store, photo_id, record, given) for given in persons]
        pairs.sort(key=lambda pair: (*pair[0]["click_xy"], pair[0]["uid"]))
        if allow_overlap is not None:
            extra["allow_overlap"] = allow_overlap
        _renumber(store, photo_id, record, pairs, annotator, extra)
    return store.photo(photo_id)


def write_persons(
    store: AnnotationStore,
    photo_id: str,
    parsings: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
    persons: Sequence[Mapping[str, Any]] | None = None,
    annotator: str | None = None,
) -> dict[str, Any]:
    """Set all persons of a photo with their labels, as one change; for what comes from elsewhere.

    A person whose uid is in the photo already is that person, one revision later.

    Args:
        store: of the project.
        photo_id: the photo.
        parsings: (H, W) uint8 labels of each person.
        persons: what is known of each: uid, click_xy, occluded, truncated, status, annotator,
            seconds or others of your own.
        annotator: of persons that name none.

    Raises:
        Problem: labels or persons do not fit (422), or nothing can be saved (403, 507).
    """
    given = [{} for _ in parsings] if persons is None else list(persons)
    if len(given) != len(parsings):
        raise _bad_persons(
            photo_id, f"one entry a label map, got {len(given)} for {len(parsings)}", "Give both."
        )
    store.check_writable()
    _check_list(photo_id, given)
    with journal.only_writer(store.folder):
        record = store.record(photo_id)
        scheme = scheme_of(record["image"].get("subset"))
        pairs = []
        for labels, fields in zip(parsings, given, strict=True):
            check_labels(labels, size_of(record), scheme, photo_id)
            pairs.append(_make_person(record, labels, fields, annotator, photo_id))
        _renumber(store, photo_id, record, _order(pairs), annotator, extra_of(record))
    return store.photo(photo_id)


def _check_list(photo_id: str, persons: Sequence[Mapping[str, Any]]) -> None:
    if len(persons) > MAX_PERSONS:
        raise _bad_persons(
            photo_id, f"at most {MAX_PERSONS}, got {len(persons)}", "Count those in front only."
        )
    uids = [person["uid"] for person in persons if person.get("uid")]
    twice = sorted({uid for uid in uids if uids.count(uid) > 1})
    if twice:
        raise _bad_persons(photo_id, f"there once, got {twice} twice", "Take one out.")


def _bad_persons(photo_id: str, fault: str, remedy: str) -> Problem:
    return Problem(422, "bad-persons", f"persons must be {fault}, at photo '{photo_id}'. {remedy}")


def _take_person(
    store: AnnotationStore, photo_id: str, record: Record, given: Mapping[str, Any]
) -> tuple[Record, Mask]:
    """Return the entry and the PNG of a person: one of the photo's, one taken out, or a new one."""
    size, uid = size_of(record), given.get("uid")
    known = {entry["uid"]: n for n, entry in enumerate(record["persons"], 1)}
    mask: Mask
    if uid is None:
        blank = np.zeros(size, np.uint8)
        scheme = scheme_of(record["image"].get("subset"))
        entry, mask = new_person(None, blank), encode_label_png(blank, scheme.palette)
    elif uid in known:
        entry = dict(record["persons"][known[uid] - 1])
        mask = mask_path(store.folder, photo_id, record, known[uid])
    else:
        kept = store.history.find(photo_id, uid)
        if kept is None:
            raise _bad_persons(
                photo_id, f"of this photo or new, got uid '{uid}'", "Load the photo again."
            )
        entry, mask = kept
    entry["click_xy"] = check_click(given.get("click"), size, photo_id)
    for name in ("occluded", "truncated"):
        if name in given:
            entry[name] = given[name]
    return entry, mask


def _make_person(
    record: Record,
    labels: NDArray[np.uint8],
    fields: Mapping[str, Any],
    annotator: str | None,
    photo_id: str,
) -> tuple[Record, Mask]:
    """Return the entry and the PNG of a person whose labels come from elsewhere."""
    scheme = scheme_of(record["image"].get("subset"))
    facts = describe_labels(labels, scheme)
    known = {entry["uid"]: entry for entry in record["persons"]}
    before = known.get(fields.get("uid"))
    entry = dict(before) if before else new_person(None, np.zeros((1, 1), np.uint8))
    changed = before is None or before.get("mask_sha256") != facts["mask_sha256"]
    revision = person_revision(entry) + changed if before or facts["area"] else 0
    given = {name: value for name, value in fields.items() if value is not None}
    entry |= {"annotator": annotator or entry.get("annotator"), **given, **facts}
    entry |= {"revision": revision, "saved_at": now() if changed else entry.get("saved_at")}
    if fields.get("click_xy") is not None:
        entry["click_xy"] = check_click(fields["click_xy"], size_of(record), photo_id)
    status = given.get("status", "done" if facts["area"] else "todo")
    if status not in STATUSES or (status not in UNFINISHED and not facts["area"]):
        status = "doing" if facts["area"] else "todo"
    entry["status"] = status
    return entry, encode_label_png(labels, scheme.palette)


def _order(pairs: list[tuple[Record, Mask]]) -> list[tuple[Record, Mask]]:
    """Return persons left to right; one of whom nothing is known stays after the one before."""
    xs, _ = find_xs([entry for entry, _ in pairs])
    filled, last = [], 0.0
    for x in xs:
        last = last if x is None else x
        filled.append(last)
    order = sorted(range(len(pairs)), key=lambda n: (filled[n], n))
    return [pairs[n] for n in order]


def _renumber(
    store: AnnotationStore,
    photo_id: str,
    record: Record,
    pairs: Sequence[tuple[Record, Mask]],
    annotator: str | None,
    extra: Record,
) -> None:
    """Write a new list of persons; whose PNG gets another name is moved in the same change."""
    count, before = len(pairs), record["persons"]
    kept = {entry["uid"]: n for n, (entry, _) in enumerate(pairs, 1)}
    hashes = {entry["uid"]: entry["mask_sha256"] for entry, _ in pairs}
    for entry in before:
        if hashes.get(entry["uid"]) != entry.get("mask_sha256"):  # taken out, or painted elsewhere
            store.history.keep(photo_id, record, entry)
    old = {n: kept.get(entry["uid"]) for n, entry in enumerate(before, 1)}
    new = dict(record) | {"n_persons": count, "persons": [entry for entry, _ in pairs]}
    known = [
        {"a": min(a, b), "b": max(a, b), "pixels": pair["pixels"]}
        for pair in record["overlaps"]
        if (a := old.get(pair["a"])) and (b := old.get(pair["b"]))
    ]
    new["overlaps"] = _count_overlaps(store, record, pairs, known)
    masks: dict[str, Mask] = {}
    for number, (entry, mask) in enumerate(pairs, 1):
        name = mask_name(photo_id, count, number)
        entry["index"] = number
        if isinstance(mask, bytes) or (mask.name != name and mask.exists()):
            masks[name] = mask
    assert not find_disorder(new["persons"])
    extra |= {"revision": revision_of(record) + 1, "counted": True}
    new[EXTRA] = extra | {"annotator": annotator, "saved_at": now()}
    remove = [mask_name(photo_id, len(before), n) for n in range(1, len(before) + 1)]
    current = {mask_name(photo_id, count, n) for n in range(1, count + 1)}
    journal.commit(store.folder, photo_id, new, masks, set(remove) - current)


def _count_overlaps(
    store: AnnotationStore,
    record: Record,
    pairs: Sequence[tuple[Record, Mask]],
    known: Sequence[Mapping[str, int]],
) -> list[dict[str, int]]:
    """Return the overlaps, counting those of persons whose labels come in with the list."""
    was = {entry["uid"]: entry.get("mask_sha256") for entry in record["persons"]}
    changed = {e["uid"] for e, _ in pairs if was.get(e["uid"]) != e["mask_sha256"] and e["area"]}

    def load(number: int) -> Cutout | None:
        entry, mask = pairs[number - 1]
        if isinstance(mask, Path):
            return store.cutouts.read(mask, record, entry["mask_sha256"])
        labels = decode_labels(mask, f"person {number}")
        scheme = scheme_of(record["image"].get("subset"))
        return store.cutouts.of_labels(entry["mask_sha256"], labels, scheme)

    return count_overlaps([entry for entry, _ in pairs], known, changed, load)
