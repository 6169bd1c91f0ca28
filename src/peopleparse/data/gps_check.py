"""Find what is wrong in a GPS folder: all faults of all images, and what to do about each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from peopleparse.data.collection_log import check_log
from peopleparse.data.files import PART_PREFIX
from peopleparse.data.gps import read_image_ids, read_record
from peopleparse.data.gps_check_image import check_image
from peopleparse.data.gps_record import UNFINISHED
from peopleparse.data.gps_split import check_lists
from peopleparse.errors import DataError


def check_dataset(
    folder: str | Path, track: Callable[[Sequence[str]], Iterable[str]] = iter
) -> list[str]:
    """Return every problem of a GPS folder, one line each; none for a good one.

    The images, and beside them the lists of the splits and the collection log where there are any.

    Args:
        folder: the data set.
        track: wraps the image ids, for a progress bar.

    Raises:
        DataError: the folder is no GPS folder.
    """
    folder, ids = Path(folder), read_image_ids(folder)
    problems = []
    for image_id in track(ids):
        problems += check_image(folder, image_id)
    problems += _check_names(folder) + _check_images(folder, ids)
    split_of = {image_id: record["image"]["split"] for image_id, record in _readable(folder)}
    return problems + check_lists(folder, split_of) + check_log(folder)


def note_dataset(folder: str | Path) -> list[str]:
    """Return what is allowed but worth knowing: images with few persons, unfinished persons.

    Raises:
        DataError: the folder is no GPS folder.
    """
    counts, unfinished = Counter[int](), 0
    for _, record in _readable(folder):
        persons = record["persons"]
        counts[len(persons)] += 1
        unfinished += sum(isinstance(p, dict) and p.get("status") in UNFINISHED for p in persons)
    notes = []
    if counts[0]:
        notes.append(f"{counts[0]} of {counts.total()} images show nobody.")
    if counts[1]:
        notes.append(f"{counts[1]} of {counts.total()} images show one person, not a group.")
    if unfinished:
        notes.append(f"{unfinished} persons are not finished ({', '.join(UNFINISHED)}).")
    return notes


def _check_names(folder: Path) -> list[str]:
    """Return what is in annotations/ and is no annotation."""
    problems = []
    for path in sorted((folder / "annotations").iterdir()):
        if path.name.startswith(PART_PREFIX):
            problems.append(f"write must have ended, got a rest of one, at {path}. Delete it.")
        elif not path.is_dir():
            problems.append(
                f"annotations/ must hold one folder an image, got the file {path}. Take it out."
            )
    return problems


def _check_images(folder: Path, ids: list[str]) -> list[str]:
    """Return images without annotation, and pictures that are in the data set twice."""
    problems, first = [], dict[str, tuple[str, str]]()
    images = folder / "images"
    names = sorted(path.name for path in images.iterdir()) if images.is_dir() else []
    used = {record["image"]["file"] for _, record in _readable(folder)}
    for name in names:
        if f"images/{name}" not in used and Path(name).stem not in ids:
            problems.append(
                f"image must have an annotation, got none, at {images / name}. "
                "Annotate it or take it out."
            )
        elif f"images/{name}" not in used:
            problems.append(
                f"image must be named by its JSON, got another, at {images / name}. "
                "Take one of the two out."
            )
    for image_id, record in _readable(folder):
        image = record["image"]
        twin, split = first.setdefault(image["sha256"], (image_id, image["split"]))
        if twin != image_id:
            apart = f" ({split} and {image['split']})" if split != image["split"] else ""
            problems.append(
                f"image must be in the data set once, got '{image_id}' equal to '{twin}'{apart}, "
                f"at {folder}. Take one of them out."
            )
    return problems


def _readable(folder: str | Path) -> Iterable[tuple[str, dict[str, Any]]]:
    for image_id in read_image_ids(folder):
        try:
            yield image_id, read_record(folder, image_id)
        except DataError:  # check_image reports it
            continue
