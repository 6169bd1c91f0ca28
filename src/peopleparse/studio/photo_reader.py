"""What a project holds, read: photos, persons, labels, and the files that cannot be used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import hash_ids
from peopleparse.data.gps import read_record, record_path
from peopleparse.data.gps_record import scheme_of
from peopleparse.errors import DataError
from peopleparse.labels import Scheme
from peopleparse.structures import Annotation
from peopleparse.studio import journal
from peopleparse.studio.history import History
from peopleparse.studio.person_masks import (
    Cutout,
    Cutouts,
    find_file_faults,
    mask_path,
    read_mask,
    size_of,
)
from peopleparse.studio.photo_files import find_photo_files, find_surplus, is_photo_id
from peopleparse.studio.photo_record import (
    check_persons,
    describe_entry,
    extra_of,
    make_blank_record,
    person_revision,
    revision_of,
    state_of,
    summarize,
)
from peopleparse.studio.refusals import missing, no_person, unusable
from peopleparse.web.problems import Problem

Record = dict[str, Any]


class PhotoReader:
    """Reads the persons of each photo.

    Attributes:
        folder: the project.
        read_only: whether every save is refused.
        subset: sub-data set of photos that have no annotation yet.
        allow_overlap: whether persons may share pixels, in photos that do not say it themselves.
        cutouts: masks of persons, kept in memory.
        history: what each person's labels were before the last save.
    """

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool = False,
        subset: str | None = None,
        allow_overlap: bool = False,
    ) -> None:
        self.folder, self.read_only = folder, read_only
        self.subset, self.allow_overlap = subset, allow_overlap
        self.cutouts, self.history = Cutouts(), History(folder)
        self._photos: dict[str, Path] = {}
        self._summaries: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}

    def photo_ids(self) -> list[str]:
        """Return the ids of all photos, sorted; new files in images/ are seen."""
        self._photos = find_photo_files(self.folder)
        home = str(self.folder / "annotations")
        there = os.listdir(home) if os.path.isdir(home) else []
        known = {
            name
            for name in there
            if name not in self._photos and os.path.isfile(f"{home}/{name}/{name}.json")
        }
        return sorted(known | set(self._photos))

    def check_photo(self, photo_id: str) -> None:
        """Check that a photo is part of the project.

        Raises:
            Problem: it is not (404).
        """
        if not is_photo_id(photo_id):
            raise missing("photo", photo_id, "Load the project again.")
        if record_path(self.folder, photo_id).is_file():
            return
        if photo_id in self._photos and self._photos[photo_id].exists():
            return
        if photo_id not in self.photo_ids():
            raise missing("photo", photo_id, "Load the project again.")

    def photo_file(self, photo_id: str) -> Path:
        """Return the path of a photo's picture, whether it is there or not.

        Raises:
            Problem: the project has no such photo (404).
        """
        self.check_photo(photo_id)
        return self._photos.get(photo_id) or self.folder / self.record(photo_id)["image"]["file"]

    def record(self, photo_id: str) -> Record:
        """Return the JSON of a photo; a fresh one where it has none yet.

        Raises:
            Problem: the project has no such photo (404), or its JSON cannot be used (422).
        """
        self.check_photo(photo_id)
        if not self.read_only and journal.is_pending(self.folder, photo_id):
            with journal.only_writer(self.folder):
                journal.finish(self.folder, photo_id)
        path = record_path(self.folder, photo_id)
        try:
            if not path.exists():
                photo = self._photos[photo_id]
                return make_blank_record(photo, photo_id, self.subset, self.allow_overlap)
            record = read_record(self.folder, photo_id)
            check_persons(record, path)
            return record
        except DataError as error:
            raise unusable(error) from error

    @staticmethod
    def scheme_of(record: Record) -> Scheme:
        """Return the labels of a photo."""
        return scheme_of(record["image"].get("subset"))

    def faults(self, photo_id: str) -> list[str]:
        """Return one sentence for each file of a photo that cannot be used.

        Raises:
            Problem: the project has no such photo (404).
        """
        self.check_photo(photo_id)
        try:
            record = self.record(photo_id)
        except Problem as problem:
            return [str(problem)]
        home, count = self.folder / "annotations" / photo_id, len(record["persons"])
        surplus = find_surplus(home, photo_id, count)
        return find_file_faults(self.folder, photo_id, record) + surplus

    def summary(self, photo_id: str) -> dict[str, Any]:
        """Return what the list of photos shows of one; an unusable one has its fault."""
        try:
            stat = os.stat(f"{self.folder}/annotations/{photo_id}/{photo_id}.json")
            mark = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            mark = (0, 0)
        kept = self._summaries.get(photo_id)
        if mark == (0, 0) or kept is None or kept[0] != mark:
            kept = (mark, self._summarize(photo_id))
            self._summaries[photo_id] = kept
        return dict(kept[1])

    def _summarize(self, photo_id: str) -> dict[str, Any]:
        try:
            return summarize(self.record(photo_id)) | {"fault": None}
        except Problem as problem:
            nothing = {"state": "todo", "persons": 0, "done": 0, "width": 0, "height": 0}
            return nothing | {"annotators": [], "fault": str(problem)}

    def photo(self, photo_id: str) -> dict[str, Any]:
        """Return what the page gets of a photo; the faults of its files are shown beside it.

        Raises:
            Problem: the project has no such photo (404).
        """
        faults = self.faults(photo_id)
        try:
            record = self.record(photo_id)
        except Problem:
            return self.summary(photo_id) | {
                **{"id": photo_id, "revision": 0, "persons": [], "allow_overlap": False},
                **{"faults": faults, "overlaps": [], "read_only": True},
            }
        size, extra = size_of(record), extra_of(record)
        return {
            "id": photo_id,
            "name": Path(record["image"]["file"]).name,
            "width": size[1],
            "height": size[0],
            "scheme": scheme_of(record["image"].get("subset")).name,
            "revision": revision_of(record),
            "state": state_of(record),
            "persons": [describe_entry(entry, size) for entry in record["persons"]],
            "allow_overlap": bool(extra.get("allow_overlap", self.allow_overlap)),
            "overlaps": record["overlaps"],
            "annotator": extra.get("annotator"),
            "saved_at": extra.get("saved_at"),
            "faults": faults,
            "read_only": self.read_only,
        }

    def read_labels(self, photo_id: str, uid: str) -> tuple[NDArray[np.uint8], int]:
        """Return a person's labels, (H, W) uint8, and their revision.

        Raises:
            Problem: there is no such person (404), or the PNG cannot be used (422).
        """
        labels, entry = self._read(photo_id, uid)
        if hash_ids(labels) != entry.get("mask_sha256") and not self.read_only:
            # Between the JSON and the PNG somebody may have saved: look again with the door shut.
            with journal.only_writer(self.folder):
                labels, entry = self._read(photo_id, uid)
        return labels, person_revision(entry)

    def _read(self, photo_id: str, uid: str) -> tuple[NDArray[np.uint8], Record]:
        record = self.record(photo_id)
        entry = find_entry(record, photo_id, uid)
        place = record["persons"].index(entry) + 1
        try:
            return read_mask(mask_path(self.folder, photo_id, record, place), record), entry
        except DataError as error:
            raise unusable(error) from error

    def read_previous(self, photo_id: str, uid: str) -> tuple[NDArray[np.uint8], int]:
        """Return a person's labels before the last save, (H, W) uint8, and their revision.

        Raises:
            Problem: there is no such person or it was saved once only (404), or the PNG that was
                kept cannot be used (422).
        """
        record = self.record(photo_id)
        find_entry(record, photo_id, uid)
        kept = self.history.find(photo_id, uid)
        if kept is None:
            raise missing("revision", f"{uid}, previous", "The person was saved once only.")
        try:
            return read_mask(kept[1], record), person_revision(kept[0])
        except DataError as error:
            raise unusable(error) from error

    def read_annotation(self, photo_id: str) -> Annotation:
        """Return all persons of a photo, left to right.

        Raises:
            Problem: the project has no such photo (404), or a file cannot be used (422).
        """
        record = self.record(photo_id)
        height, width = size_of(record)
        parsings = np.zeros((len(record["persons"]), height, width), np.uint8)
        try:
            for number in range(len(parsings)):
                path = mask_path(self.folder, photo_id, record, number + 1)
                parsings[number] = read_mask(path, record)
        except DataError as error:
            raise unusable(error) from error
        return Annotation(parsings, scheme_of(record["image"].get("subset")), photo_id)

    def read_cutout(self, photo_id: str, record: Record, index: int) -> Cutout | None:
        """Return where a person's labelled pixels are, as they are on disk; None for nobody."""
        path = mask_path(self.folder, photo_id, record, index)
        sha256 = str(record["persons"][index - 1].get("mask_sha256"))
        return self.cutouts.read(path, record, sha256)


def find_entry(record: Mapping[str, Any], photo_id: str, uid: str) -> Record:
    """Return the entry of a person.

    Raises:
        Problem: the photo has no such person (404).
    """
    for entry in record["persons"]:
        if entry["uid"] == uid:
            return entry
    raise no_person(photo_id, uid)
