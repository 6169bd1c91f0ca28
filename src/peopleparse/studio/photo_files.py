"""The pictures of a project: found, taken in from elsewhere, and what lies about beside them."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

from PIL import Image

from peopleparse.data.collection_log import LOG_NAME, LogRow, read_log, write_log
from peopleparse.data.files import PART_PREFIX, hash_bytes, read_image_size, write_file
from peopleparse.data.gps import IMAGE_SUFFIXES, mask_name
from peopleparse.errors import DataError, InputError
from peopleparse.inference import read_image
from peopleparse.studio.journal import HOME

OTHER_SUFFIXES = (".webp", ".bmp", ".tif", ".tiff", ".gif")
_PHOTO_ID = re.compile(r"\w(?:[\w.\- ]*[\w\-])?")  # what the GPS form allows
_ODD = re.compile(r"[^\w.\- ]+")
_OWN = re.compile(r"\.json|_\d{2,}_\d{2,}\.png")  # what follows the id in an annotation's files
_QUALITY = 95
# What a project may hold beside photos and annotations; everything else is told.
_KNOWN = {"images", "annotations", "photos", "review", "splits", "project.json", LOG_NAME, HOME}


def is_photo_id(name: str) -> bool:
    """Return whether a name can be the id of a photo."""
    return bool(_PHOTO_ID.fullmatch(name))


def find_photo_files(folder: Path) -> dict[str, Path]:
    """Return the pictures of images/ by id; of two with one id the first by name."""
    found: dict[str, Path] = {}
    for path in _list(folder / "images"):
        if path.suffix.lower() in IMAGE_SUFFIXES and is_photo_id(path.stem):
            found.setdefault(path.stem, path)
    return found


def find_strange_files(folder: Path) -> Iterator[str]:
    """Yield a sentence for each file of a project that is none of its own; none is touched."""
    photos = set(find_photo_files(folder).values())
    for path in _list(folder):
        if path.name not in _KNOWN and not (path.is_file() and _is_photo(path)):
            yield f"file is not part of the project and was left alone: {path}"
    for path in _list(folder / "images"):
        if path not in photos:
            yield (
                f"photo must be a JPEG or PNG with an id of its own of letters, digits, '_', '-', "
                f"'.' or spaces, got {path}. Rename or convert it; it was left alone."
            )
    yield from _find_strange_annotations(folder / "annotations")


def _find_strange_annotations(folder: Path) -> Iterator[str]:
    """Yield what is no annotation; plain strings, because a set may have 14,000 photos."""
    with os.scandir(folder) if folder.is_dir() else nullcontext(()) as entries:
        homes = sorted((entry.name, entry.path, entry.is_dir()) for entry in entries)
    for name, path, is_folder in homes:
        if name.startswith(PART_PREFIX):
            continue
        if not is_folder or not is_photo_id(name):
            yield f"file is no annotation and was left alone: {path}"
            continue
        for file in sorted(os.listdir(path)):
            own = file.startswith(name) and _OWN.fullmatch(file, len(name))
            if not own and not file.startswith(PART_PREFIX):
                yield f"file is not part of the annotation and was left alone: {path}{os.sep}{file}"


def find_surplus(home: Path, photo_id: str, count: int) -> list[str]:
    """Return a sentence for each PNG that is named like a person's but is none of the photo's."""
    own = {mask_name(photo_id, count, number) for number in range(1, count + 1)}
    return [
        f"PNG must be one of the {count} persons of photo '{photo_id}', got {path}. "
        "Take it out; it was left alone."
        for path in _list(home)
        if path.suffix == ".png" and path.name not in own
    ]


def find_sources(photos: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return the files to take in: those given, or the pictures of a folder.

    Raises:
        InputError: the folder does not exist.
    """
    if not isinstance(photos, str | Path):
        return [Path(path) for path in photos]
    folder = Path(photos)
    if not folder.is_dir():
        raise InputError(
            f"photos must be a folder or a list of files, got {folder}. Check the path."
        )
    return [path for path in _list(folder) if path.is_file() and _is_photo(path)]


def add_photos(folder: Path, sources: Iterable[Path]) -> tuple[dict[Path, Path], list[str]]:
    """Copy photos into images/ of a project.

    JPEG and PNG are copied as they are. Other formats become PNG, and a JPEG that is stored on its
    side is turned upright and saved again, so that masks fit for every reader.

    Args:
        folder: the project.
        sources: files.

    Returns:
        Source to file in images/, and a sentence for each file that was left out.
    """
    taken = find_photo_files(folder)
    seen = {hash_bytes(path.read_bytes()): path for path in taken.values()}
    added: dict[Path, Path] = {}
    notes: list[str] = []
    for source in sources:
        try:
            data, suffix = _read_upright(source)
        except (DataError, InputError) as error:
            notes.append(f"{error} It was left out.")
            continue
        twin = seen.get(hash_bytes(data))
        if twin is not None:
            notes.append(f"photo is the same as {twin.name} and was left out: {source}")
            continue
        photo_id = _free_id(source.stem, taken)
        target = write_file(folder / "images" / f"{photo_id}{suffix}", data)
        taken[photo_id] = seen[hash_bytes(data)] = added[source] = target
    return added, notes


def carry_log(folder: Path, added: dict[Path, Path]) -> None:
    """Take the rows of a collection log that lies with the photos, or above them, along.

    Raises:
        DataError: the log is broken.
    """
    homes = {source.parent for source in added}
    rows: list[LogRow] = []
    for home in sorted(homes):
        names = {s.name: target.name for s, target in added.items() if s.parent == home}
        for place in (home, home.parent):
            if (place / LOG_NAME).is_file() and place.resolve() != folder.resolve():
                for row in read_log(place):
                    if row.image in names or not row.kept:
                        values = vars(row) | {"image": names.get(row.image, row.image)}
                        rows.append(LogRow(**values))
                break
    if rows:
        write_log(folder, rows)


def _read_upright(source: Path) -> tuple[bytes, str]:
    """Return a photo's bytes, stored upright as JPEG or PNG, and the ending that it has."""
    suffix = source.suffix.lower()
    image = read_image(source)  # refuses what is broken, with a sentence
    if suffix in IMAGE_SUFFIXES:
        try:
            read_image_size(source)
            return source.read_bytes(), suffix
        except DataError:  # on its side: saved again below
            pass
    buffer = io.BytesIO()
    if suffix in (".jpg", ".jpeg"):
        Image.fromarray(image).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
        return buffer.getvalue(), ".jpg"
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue(), ".png"


def _free_id(stem: str, taken: dict[str, Path]) -> str:
    """Return an id that the GPS form allows and no photo has."""
    name = _ODD.sub("-", stem).strip(" .-_") or "photo"
    name = name if is_photo_id(name) else f"photo-{name}"
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in (*IMAGE_SUFFIXES, *OTHER_SUFFIXES)


def _list(folder: Path) -> list[Path]:
    """Return what a folder holds, sorted, without rests of writes that broke off."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if not p.name.startswith(PART_PREFIX))
