"""Exchange with a project: its photos go out, and what comes back is taken over, all or nothing."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import PART_PREFIX, hash_ids
from peopleparse.data.gps import annotation_folder
from peopleparse.data.gps_record import scheme_of
from peopleparse.errors import DataError
from peopleparse.studio import journal
from peopleparse.studio.annotation_store import AnnotationStore, check_labels
from peopleparse.studio.exchange.export import export_photos
from peopleparse.studio.exchange.facts import SIGHTS, check_photo_facts
from peopleparse.studio.exchange.files import ExchangeFiles
from peopleparse.studio.exchange.formats import find_format
from peopleparse.studio.exchange.incoming import PhotoSheets, sort_sheets
from peopleparse.studio.exchange.report import Report
from peopleparse.studio.exchange.sheets import COPIES, TOGETHER, SheetPerson
from peopleparse.studio.exchange.source import PhotoSource
from peopleparse.studio.person_list import write_persons
from peopleparse.studio.person_masks import size_of
from peopleparse.studio.photo_record import EXTRA, check_click, extra_of
from peopleparse.studio.project import Project

KEPT = "persons of these photos that are not in the file, kept as they are"
UNCHANGED = "photos that are as in the project already"
_RECORD_FIELDS = "schema image labels n_persons order persons overlaps flatten_rule".split()


def export_project(
    project: Project,
    format: str,
    out: str | Path,
    layout: str = COPIES,
    photos: bool = True,
    track: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> Report:
    """Write a project into the new folder or zip archive `out`, whole or not at all.

    Args:
        project: what to export.
        format: "gps", "coco", "cvat", "label-studio", "labelme" or "datumaro".
        out: the folder to make, or an archive that ends in .zip.
        layout: "copies", a copy of each photo for each person, which every tool can hold, or
            "together", all persons on one picture.
        photos: copy the pictures, too.
        track: wraps the ids, for a progress bar.

    Raises:
        InputError: an argument is wrong, or the place cannot be written.
        Problem: a photo's annotation cannot be read (422).
    """
    store = project.store

    def load(photo_id: str) -> PhotoSource:
        return _load_source(store, photo_id)

    ids = project.photo_ids()
    return export_photos(ids, load, project.scheme, format, out, layout, photos, track)


def _load_source(store: AnnotationStore, photo_id: str) -> PhotoSource:
    record = store.record(photo_id)
    labels = store.read_annotation(photo_id).parsings
    image, file = record["image"], store.photo_file(photo_id)
    extra = {n: v for n, v in record.items() if n not in (*_RECORD_FIELDS, EXTRA)}
    facts = {name: image.get(name) for name in ("sha256", "subset", "split")}
    facts["counted"] = bool(record["persons"] or extra_of(record).get("counted"))
    photo = file if file.is_file() else None
    return PhotoSource(photo_id, file.name, photo, labels, record["persons"], facts, extra)


def import_into(
    project: Project,
    format: str,
    path: str | Path,
    annotator: str | None = None,
    track: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> Report:
    """Take over the persons of a folder or archive that a tool has written, all or nothing.

    Everything is read and checked before anything is changed. A photo without persons gets those
    of the file, with what is known of them. In a photo with persons, each keeps its number, click
    and status, and takes over its labels and whether it is occluded or truncated; persons who are
    not in the file stay as they are.

    Args:
        project: where to.
        format: which tool wrote it, as in `export_project`.
        path: a folder, a zip archive, or the tool's own JSON or XML.
        annotator: whom to name where labels change.
        track: wraps the ids, for a progress bar.

    Raises:
        InputError: there is no such format.
        DataError: the files are broken, or do not fit the project.
        Problem: the project cannot be changed (403, 507).
    """
    store = project.store
    store.check_writable()
    found = find_format(format)
    sheets = found.find_sheets(ExchangeFiles(path), project.scheme)
    photos, unknown = sort_sheets(sheets, dict.fromkeys(project.photo_ids()))
    if not photos:
        raise DataError(
            f"import must hold a photo of the project, got {', '.join(unknown[:5])}, at {path}. "
            "Open the project that it came from."
        )
    layout = COPIES if found.name == "gps" else _layout_of(photos)
    report = Report("import", found.name, layout, unknown=unknown)
    by_id = {photo.image_id: photo for photo in photos}
    changed = []
    for photo_id in track(list(by_id)):
        plan = _make_plan(store, by_id[photo_id], annotator, report.losses)
        report.photos += 1
        report.persons += plan.taken
        report.notes[KEPT] += len(plan.labels) - plan.taken
        report.notes[UNCHANGED] += not plan.changed
        if plan.changed:
            changed.append(photo_id)
    _apply(store, [by_id[photo_id] for photo_id in changed], annotator)
    return report


def _layout_of(photos: Sequence[PhotoSheets]) -> str | None:
    found = {TOGETHER if own is None else COPIES for photo in photos for _, own in photo.sheets}
    return found.pop() if len(found) == 1 else None


@dataclass
class _Plan:
    """What becomes of one photo: labels and fields of all its persons."""

    labels: list[NDArray[np.uint8]] = field(default_factory=list)
    fields: list[dict[str, Any]] = field(default_factory=list)
    taken: int = 0
    changed: bool = False


def _make_plan(
    store: AnnotationStore, photo: PhotoSheets, annotator: str | None, losses: Counter[str]
) -> _Plan:
    record = store.record(photo.image_id)
    size, image = size_of(record), record["image"]
    persons = photo.load(size, image.get("sha256"), losses)
    for person in persons.values():
        check_labels(person.labels, size, scheme_of(image.get("subset")), photo.image_id)
        if person.facts.get("click_xy") is not None:
            check_click(person.facts["click_xy"], size, photo.image_id)
    if record["persons"]:
        return _plan_changes(store, record, photo, persons, annotator)
    return _plan_new(record, photo, persons, annotator)


def _plan_new(
    record: Mapping[str, Any],
    photo: PhotoSheets,
    persons: Mapping[int, SheetPerson],
    annotator: str | None,
) -> _Plan:
    count = max(persons, default=0) if photo.count is None else photo.count
    # A photo of nobody is only known to be one where somebody counted.
    facts = check_photo_facts(photo.sheets[0][0].head.facts, photo.place)
    nobody = facts.get("counted") and not extra_of(record).get("counted")
    plan = _Plan(taken=count, changed=bool(count or nobody))
    for index in range(1, count + 1):
        person = persons.get(index) or SheetPerson(np.zeros(size_of(record), np.uint8))
        named = {"annotator": person.facts.get("annotator") or annotator}
        plan.labels.append(person.labels)
        plan.fields.append({**person.facts, **named})
    return plan


def _plan_changes(
    store: AnnotationStore,
    record: Mapping[str, Any],
    photo: PhotoSheets,
    persons: Mapping[int, SheetPerson],
    annotator: str | None,
) -> _Plan:
    taken = _match(record["persons"], photo, persons)
    plan = _Plan(taken=len(taken))
    for entry in record["persons"]:
        fields, person = dict(entry), taken.get(entry["uid"])
        if person is None:
            plan.labels.append(store.read_labels(photo.image_id, entry["uid"])[0])
        else:
            sights = {s: person.facts[s] for s in SIGHTS if person.facts.get(s) is not None}
            repainted = hash_ids(person.labels) != entry.get("mask_sha256")
            if repainted:
                fields["annotator"] = annotator or entry.get("annotator")
                fields["status"] = {"checked": "done", "todo": "doing"}.get(
                    entry["status"], entry["status"]
                )
            plan.changed |= repainted or any(entry.get(s) != sights[s] for s in sights)
            fields.update(sights)
            plan.labels.append(person.labels)
        plan.fields.append(fields)
    return plan


def _match(
    entries: Sequence[Mapping[str, Any]], photo: PhotoSheets, persons: Mapping[int, SheetPerson]
) -> dict[str, SheetPerson]:
    """Return the persons of the file by the uid that they have in the project."""
    known = {entry["uid"] for entry in entries}
    found: dict[str, SheetPerson] = {}
    count = max(persons, default=0) if photo.count is None else photo.count
    for index, person in persons.items():
        uid = str(person.facts.get("uid"))
        if uid not in known:
            if count > len(entries) or (photo.count is not None and count != len(entries)):
                raise DataError(
                    f"photo must have {len(entries)} persons as in the project, got {count} for "
                    f"'{photo.image_id}', at {photo.place}. Count them anew in the project, or "
                    "import into a project in which nobody was counted."
                )
            uid = entries[index - 1]["uid"]
        if uid in found:
            raise DataError(
                f"person must be in the file once, got '{uid}' twice for '{photo.image_id}', "
                f"at {photo.place}. Leave what is known of persons as it was exported."
            )
        found[uid] = person
    return found


def _apply(store: AnnotationStore, photos: Sequence[PhotoSheets], annotator: str | None) -> None:
    """Change photos; where one cannot be, those before it get their files back."""
    backup = journal.studio_folder(store.folder) / f"{PART_PREFIX}import.part"
    shutil.rmtree(backup, ignore_errors=True)
    done: list[str] = []
    try:
        for photo in photos:
            plan = _make_plan(store, photo, annotator, Counter())
            _keep(store, photo.image_id, backup)
            done.append(photo.image_id)
            write_persons(store, photo.image_id, plan.labels, plan.fields, annotator)
    except BaseException:
        for photo_id in done:
            _put_back(store, photo_id, backup / photo_id)
        raise
    finally:
        shutil.rmtree(backup, ignore_errors=True)


def _keep(store: AnnotationStore, photo_id: str, backup: Path) -> None:
    """Give the files of a photo's annotation a second name."""
    with journal.saying_full(backup):
        (backup / photo_id).mkdir(parents=True)
        home = annotation_folder(store.folder, photo_id)
        for path in home.iterdir() if home.is_dir() else ():
            journal.link(path, backup / photo_id / path.name)


def _put_back(store: AnnotationStore, photo_id: str, backup: Path) -> None:
    home = annotation_folder(store.folder, photo_id)
    with journal.only_writer(store.folder):
        shutil.rmtree(journal.stage_folder(store.folder, photo_id), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
        if any(backup.iterdir()):
            shutil.copytree(backup, home)
