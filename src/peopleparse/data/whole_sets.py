"""Open a data set as a whole: with photos and lists of ids, where they lie beside the maps."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from peopleparse.data.formats import open_labels
from peopleparse.data.label_files import LabelFiles
from peopleparse.data.label_source import FileLabels
from peopleparse.data.lip import LIP
from peopleparse.labels import Scheme


def open_whole(
    path: str | Path, format: str | None = None, scheme: str | Scheme | None = None
) -> FileLabels:
    """Open truth as `open_labels` does, but Look into Person with its photos and lists.

    For scores the maps alone are enough, so `open_labels` takes them as format lip.

    Args:
        path: a folder or archive.
        format: None finds it.
        scheme: None takes the format's own.

    Raises:
        InputError, DataError, SchemeError: as `open_labels`.
    """
    source = open_labels(path, format, scheme)
    if format is not None or source.format != "lip":
        return source
    names = LabelFiles(path, whole=True).names
    lists = {ending for endings in LIP.lists.values() for ending in endings}
    folders = {part for name in names for part in PurePosixPath(name).parts[:-1]}
    files = {PurePosixPath(name).name for name in names}
    whole = folders & {*LIP.photos, "train_segmentations"} or files & lists
    return open_labels(path, LIP.format, scheme) if whole else source
