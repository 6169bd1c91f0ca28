"""A project: a GPS folder in the making, with photos, who paints them and how far they are.

Beside images/ and annotations/, written as peopleparse.data.gps does, the folder holds

    project.json            schema, name, scheme, created, allow_overlap
    collection_log.csv      where the photos come from, if that is known
    review/<id>/            labels of second persons
    .studio/                the studio's own: journal, history, lock
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peopleparse.data.files import write_file
from peopleparse.data.gps_record import scheme_of
from peopleparse.errors import DataError, InputError, suggest
from peopleparse.labels import Scheme
from peopleparse.studio import journal
from peopleparse.studio.annotation_store import AnnotationStore
from peopleparse.studio.photo_files import (
    add_photos,
    carry_log,
    find_sources,
    find_strange_files,
)
from peopleparse.studio.photo_record import make_blank_record, now
from peopleparse.studio.prefill import Predictions
from peopleparse.studio.presence import Presence
from peopleparse.studio.superpixels import Superpixels
from peopleparse.web.problems import Problem

SCHEMA = "peopleparse-project/1"
FILE = "project.json"
_SUBSETS = {"gps": None, "gps-outdoor": "outdoor"}
_FIELDS: dict[str, type] = {
    "schema": str, "name": str, "scheme": str, "created": str, "allow_overlap": bool,
}  # fmt: skip
_MAX_NOTES = 50


@dataclass
class Project:
    """A project folder that is open.

    Attributes:
        folder: where it is.
        name: shown on the page.
        scheme: labels that are painted.
        created: when, in ISO form; "" of a GPS set that was no project.
        allow_overlap: whether persons may share pixels, where a photo does not say it itself.
        read_only: whether saves are refused.
        notes: what was found at opening, one sentence each.
        store: the label arrays.
        presence: who has which photo open.
        superpixels, predictions: of the last photos.
    """

    folder: Path
    name: str
    scheme: Scheme
    created: str = ""
    allow_overlap: bool = False
    read_only: bool = False
    notes: list[str] = field(default_factory=list)
    store: AnnotationStore = field(init=False, repr=False)
    presence: Presence = field(default_factory=Presence, repr=False)
    superpixels: Superpixels = field(default_factory=Superpixels, repr=False)
    predictions: Predictions = field(default_factory=Predictions, repr=False)

    def __post_init__(self) -> None:
        """Make the store."""
        self.store = AnnotationStore(
            self.folder,
            read_only=self.read_only,
            subset=_SUBSETS[self.scheme.name],
            allow_overlap=self.allow_overlap,
        )

    def photo_ids(self) -> list[str]:
        """Return the ids of all photos, sorted."""
        return self.store.photo_ids()

    def photos(self) -> list[dict[str, Any]]:
        """Return the list of photos: id, name, state, persons, done, size, holder, fault."""
        found = []
        for photo_id in self.photo_ids():
            summary = self.store.summary(photo_id)
            holder = self.presence.holder(photo_id)
            found.append({"id": photo_id, "name": photo_id, **summary, "holder": holder})
        return found

    def states(self) -> dict[str, str]:
        """Return the state of each photo: todo, counted, painting, painted or checked."""
        return {photo_id: self.store.summary(photo_id)["state"] for photo_id in self.photo_ids()}


def create_project(
    folder: str | Path,
    photos: str | Path | Iterable[str | Path],
    scheme: str = "gps",
    name: str | None = None,
    allow_overlap: bool = False,
) -> Project:
    """Make a project of photos and open it.

    Photos are copied into images/, see `add_photos`; which were left out is in the notes. The rows
    of a collection log that lies with them come along.

    Args:
        folder: of the project, new or without a project in it.
        photos: a folder of photos, or files.
        scheme: gps or gps-outdoor (no tie).
        name: shown on the page; the folder's name where not given.
        allow_overlap: whether persons may share pixels.

    Raises:
        InputError: the scheme does not exist, a project is there already, no photo could be taken
            in, or the place cannot be written.
        DataError: the collection log is broken.
    """
    folder = Path(folder)
    if scheme not in _SUBSETS:
        raise InputError(
            f"scheme must be one of {', '.join(_SUBSETS)}, got '{scheme}'."
            f"{suggest(scheme, _SUBSETS)}"
        )
    if (folder / FILE).exists() or (folder / "annotations").exists():
        raise InputError(
            f"project must be new, got one that exists, at {folder}. "
            "Open it, or choose another folder."
        )
    added, notes = add_photos(folder, find_sources(photos))
    if not added:
        raise InputError(
            f"project must have a photo, got none, at {photos}. "
            + (notes[0] if notes else "Name a folder with JPEG or PNG files.")
        )
    carry_log(folder, added)
    (folder / "annotations").mkdir()
    for path in added.values():
        record = make_blank_record(path, path.stem, _SUBSETS[scheme], allow_overlap)
        with journal.only_writer(folder):
            journal.commit(folder, path.stem, record, {})
    settings = {
        "schema": SCHEMA,
        "name": name or folder.resolve().name,
        "scheme": scheme,
        "created": now(),
        "allow_overlap": allow_overlap,
    }
    write_file(folder / FILE, (json.dumps(settings, indent=1, ensure_ascii=False) + "\n").encode())
    project = open_project(folder)
    project.notes[:0] = notes
    return project


def open_project(folder: str | Path, read_only: bool = False) -> Project:
    """Open a project, or a GPS set as if it were one.

    Changes that a crash cut short are completed first. Files that are none of the project's are
    named in the notes and left alone. A folder that cannot be written opens for reading only.

    Args:
        folder: of the project.
        read_only: refuse every save although the folder could be written.

    Raises:
        DataError: the folder is no project.
    """
    folder = Path(folder)
    settings = _read_settings(folder)
    notes: list[str] = []
    if not read_only:
        try:
            for photo_id in journal.repair(folder):
                notes.append(f"A save of photo '{photo_id}' that broke off was completed.")
            with journal.only_writer(folder):
                pass
        except Problem:
            read_only = True
            notes.append(
                f"The folder cannot be written, so the project is open for reading only: {folder}"
            )
    strange = list(find_strange_files(folder))
    notes += strange[:_MAX_NOTES]
    if len(strange) > _MAX_NOTES:
        notes.append(f"{len(strange) - _MAX_NOTES} more files were left alone.")
    settings.pop("schema")
    return Project(
        folder,
        **settings | {"scheme": scheme_of(_SUBSETS[settings["scheme"]])},
        read_only=read_only,
        notes=notes,
    )


def _read_settings(folder: Path) -> dict[str, Any]:
    path = folder / FILE
    if not path.exists():
        if (folder / "annotations").is_dir() and (folder / "images").is_dir():
            return {"schema": SCHEMA, "name": folder.resolve().name, "scheme": "gps"}
        raise DataError(
            f"project must be a folder with {FILE}, got none, at {folder}. "
            "Make one of a folder of photos first, or name the folder of a GPS set."
        )
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(
            f"project must have a readable JSON, got '{error}', at {path}. Correct it."
        ) from error
    settings = found if isinstance(found, dict) else {}
    for name, kind in _FIELDS.items():
        if not isinstance(settings.get(name), kind):
            raise DataError(
                f"field '{name}' must be {kind.__name__}, got {settings.get(name)!r}, at {path}. "
                "Correct it."
            )
    if settings["schema"] != SCHEMA or settings["scheme"] not in _SUBSETS:
        raise DataError(
            f"project must be '{SCHEMA}' of scheme {' or '.join(_SUBSETS)}, got "
            f"'{settings['schema']}' of '{settings['scheme']}', at {path}. Correct it."
        )
    return {name: settings[name] for name in _FIELDS}
