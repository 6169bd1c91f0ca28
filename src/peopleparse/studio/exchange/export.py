"""Write photos and their persons in another format, and read them again to compare."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import new_folder, part_path
from peopleparse.errors import InputError
from peopleparse.labels import Scheme
from peopleparse.studio.exchange.files import ExchangeFiles, pack_folder, place_photo
from peopleparse.studio.exchange.formats import Format, SheetWriter, check_layout, find_format
from peopleparse.studio.exchange.incoming import sort_sheets
from peopleparse.studio.exchange.part_names import PartNames
from peopleparse.studio.exchange.report import Report
from peopleparse.studio.exchange.sheets import COPIES, SheetPerson, check_names
from peopleparse.studio.exchange.source import (
    SHARED,
    PhotoSource,
    count_shared,
    make_sheets,
    make_whole,
)

NO_PHOTO = "photos whose file is missing, exported without it"


def export_photos(
    ids: Sequence[str],
    load: Callable[[str], PhotoSource],
    scheme: Scheme,
    format: str,
    out: str | Path,
    layout: str = COPIES,
    photos: bool = True,
    track: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> Report:
    """Write photos into the new folder or archive `out`, which appears whole or not at all.

    What was written is read again and compared with what was to be written; the report says how
    many pixels differ.

    Args:
        ids: the photos.
        load: returns one of them.
        scheme: labels of all.
        format: one of `FORMATS`.
        out: the folder to make, or an archive that ends in .zip.
        layout: "copies", a copy of each photo for each person, or "together".
        photos: copy the pictures, too.
        track: wraps the ids, for a progress bar.

    Raises:
        InputError: an argument is wrong, or the place cannot be written.
    """
    found, out = find_format(format), Path(out)
    _check(found, ids, out, layout, photos)
    report = Report("export", found.name, layout)
    with _making(out) as part:
        writer = found.make_writer(part, PartNames(scheme))
        for image_id in track(ids):
            _write_photo(load(image_id), found, writer, part if photos else None, report)
        writer.finish()
        report.different = _count_different(ids, load, scheme, found, part)
        report.write(part)
    return report


def _check(format: Format, ids: Sequence[str], out: Path, layout: str, photos: bool) -> None:
    check_layout(format, layout)
    if not ids:
        raise InputError("project must have a photo to be exported, got none. Add photos first.")
    if layout == COPIES and format.name != "gps":
        check_names(ids)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            f"output must be new, got a place that is taken, at {out}. Name another or empty it."
        )
    if format.name == "gps" and not photos:
        raise InputError("photos must be part of the GPS form, got none. Export with photos.")


@contextmanager
def _making(out: Path) -> Iterator[Path]:
    """Give a folder that becomes `out`, or is packed as it, when the block ends well."""
    if out.suffix.lower() != ".zip":
        with new_folder(out) as part:
            yield part
        return
    folder = part_path(out)
    try:
        with new_folder(folder) as part:
            yield part
        pack_folder(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_photo(
    source: PhotoSource, format: Format, writer: SheetWriter, folder: Path | None, report: Report
) -> None:
    report.photos += 1
    report.persons += len(source.labels)
    report.notes[SHARED] += count_shared(source.labels)
    report.notes[NO_PHOTO] += source.photo is None
    if format.name == "gps":
        writer.add(make_whole(source))
        return
    for sheet in make_sheets(source, str(report.layout), report.losses):
        writer.add(sheet)
        if folder is not None and sheet.photo is not None:
            place_photo(sheet.photo, folder / writer.photo_folder(sheet) / sheet.head.file)


def _count_different(
    ids: Sequence[str],
    load: Callable[[str], PhotoSource],
    scheme: Scheme,
    format: Format,
    folder: Path,
) -> int:
    """Return the pixels that an export gives back other than they are."""
    sheets = format.find_sheets(ExchangeFiles(folder), scheme)
    photos = {photo.image_id: photo for photo in sort_sheets(sheets, dict.fromkeys(ids))[0]}
    different = 0
    for image_id in ids:
        labels = load(image_id).labels
        persons: Mapping[int, SheetPerson] = {}
        if image_id in photos:
            persons = photos[image_id].load(labels.shape[1:], None, Counter())
        different += count_different(labels, persons)
    return different


def count_different(labels: NDArray[np.uint8], persons: Mapping[int, SheetPerson]) -> int:
    """Return the pixels of (N, H, W) label maps that persons 1 to N have otherwise."""
    found = np.zeros_like(labels)
    for index, person in persons.items():
        found[index - 1] = person.labels
    return int((found != labels).sum())
