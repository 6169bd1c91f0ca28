"""Label arrays of a project on disk, one a person, with revision numbers.

Files are those of the GPS form (peopleparse.data.gps); a change is made whole by the journal. A
save names the revision that it was made from and is refused where another came first. Of each
person the labels before the last save are kept in .studio/history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.gps import mask_name
from peopleparse.data.gps_record import STATUSES, UNFINISHED, scheme_of
from peopleparse.data.label_decode import find_stray
from peopleparse.data.png import encode_label_png
from peopleparse.errors import suggest
from peopleparse.labels import Scheme
from peopleparse.studio import journal
from peopleparse.studio.person_masks import (
    Cutout,
    count_overlaps,
    size_of,
)
from peopleparse.studio.photo_reader import PhotoReader, Record, find_entry
from peopleparse.studio.photo_record import (
    describe_entry,
    describe_labels,
    now,
    person_revision,
)
from peopleparse.studio.refusals import conflict, read_only
from peopleparse.web.problems import Problem


class AnnotationStore(PhotoReader):
    """Reads and saves the persons of each photo."""

    def save_labels(
        self,
        photo_id: str,
        uid: str,
        labels: NDArray[np.uint8],
        revision: int,
        annotator: str | None = None,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Save the labels of one person, (H, W) uint8, made from a revision.

        The same labels again change nothing. Labels turn `todo` into `doing` and `checked` into
        `done`; a person without a labelled pixel is not done.

        Raises:
            Problem: there is no such person (404), somebody saved another revision (409), the
                labels do not fit (422), or nothing can be saved (403, 507).
        """
        self.check_writable()
        record = self.record(photo_id)
        scheme = scheme_of(record["image"].get("subset"))
        check_labels(labels, size_of(record), scheme, photo_id)
        png, facts = encode_label_png(labels, scheme.palette), describe_labels(labels, scheme)
        with journal.only_writer(self.folder):
            record = self.record(photo_id)
            entry = find_entry(record, photo_id, uid)
            if person_revision(entry) != revision:
                raise conflict(f"person '{uid}' of photo '{photo_id}'", entry, revision)
            if facts["mask_sha256"] != entry.get("mask_sha256"):
                self.history.keep(photo_id, record, entry)
                entry.update(facts, revision=revision + 1, saved_at=now())
                entry["status"] = _status_after(entry["status"], facts["area"])
                entry["annotator"] = annotator or entry.get("annotator")
                entry["seconds"] = entry.get("seconds") if seconds is None else seconds
                record["overlaps"] = self._count_overlaps(photo_id, record, entry, labels)
                name = mask_name(photo_id, len(record["persons"]), entry["index"])
                journal.commit(self.folder, photo_id, record, {name: png})
        return {name: entry[name] for name in ("revision", "area", "mask_sha256", "status")}

    def _count_overlaps(
        self, photo_id: str, record: Record, entry: Record, labels: NDArray[np.uint8]
    ) -> list[dict[str, int]]:
        """Return the overlaps of a photo of which one person is about to change."""
        scheme = scheme_of(record["image"].get("subset"))
        cutout = self.cutouts.of_labels(entry["mask_sha256"], labels, scheme)

        def load(number: int) -> Cutout | None:
            same = record["persons"][number - 1] is entry
            return cutout if same else self.read_cutout(photo_id, record, number)

        return count_overlaps(record["persons"], record["overlaps"], {entry["uid"]}, load)

    def set_status(
        self,
        photo_id: str,
        uid: str,
        status: str,
        annotator: str | None = None,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Set how far a person is, and the seconds spent on it in all; return its entry.

        Raises:
            Problem: there is no such person (404) or status, or nothing was painted that could be
                done (422), or nothing can be saved (403, 507).
        """
        if status not in STATUSES:
            raise Problem(
                422,
                "bad-status",
                f"status must be one of {', '.join(STATUSES)}, got '{status}'."
                f"{suggest(status, STATUSES)}",
            )

        def change(record: Record) -> None:
            entry = find_entry(record, photo_id, uid)
            if status not in UNFINISHED and not entry.get("area"):
                raise Problem(
                    422,
                    "nothing-painted",
                    f"person must have a labelled pixel to be {status}, got none, at person "
                    f"{entry['index']} of photo '{photo_id}'. Paint the person, or take it out.",
                )
            entry["status"] = status
            if status != "checked":  # who checks did not paint
                entry["annotator"] = annotator or entry.get("annotator")
            else:
                entry["checked_by"] = annotator
            entry["seconds"] = entry.get("seconds") if seconds is None else seconds

        record = self.change(photo_id, change)
        return describe_entry(find_entry(record, photo_id, uid), size_of(record))

    def change(self, photo_id: str, edit: Callable[[Record], None]) -> Record:
        """Change fields of a photo's JSON that no PNG depends on, and return it.

        Raises:
            Problem: the project has no such photo (404), or nothing can be saved (403, 507).
        """
        self.check_writable()
        with journal.only_writer(self.folder):
            record = self.record(photo_id)
            edit(record)
            journal.commit(self.folder, photo_id, record, {})
        return record

    def check_writable(self) -> None:
        """Check that the project may be changed.

        Raises:
            Problem: it is open for reading only (403).
        """
        if self.read_only:
            raise read_only(self.folder)


def check_labels(
    labels: NDArray[np.uint8], size: tuple[int, int], scheme: Scheme, photo_id: str
) -> None:
    """Check labels that somebody sent.

    Raises:
        Problem: they are not of the photo's size, or hold an id that the scheme lacks (422).
    """
    if labels.shape != size or labels.dtype != np.uint8:
        raise Problem(
            422,
            "bad-labels",
            f"labels must be {size[1]} x {size[0]} uint8 like the photo, got "
            f"{' x '.join(map(str, labels.shape[::-1]))} {labels.dtype}, at photo '{photo_id}'. "
            "Load the photo again.",
        )
    stray = find_stray(labels, scheme, truth=True)
    if stray:
        raise Problem(
            422,
            "bad-labels",
            f"label ids must be ids of scheme '{scheme.name}' or {scheme.ignore_id}, got {stray}, "
            f"at photo '{photo_id}'. Paint with the project's labels only.",
        )


def _status_after(status: str, area: int) -> str:
    """Return the status of a person whose labels have changed."""
    if not area:
        return "todo" if status == "todo" else "doing"
    return {"todo": "doing", "checked": "done"}.get(status, status)
