"""Find what is wrong in a GPS folder: every statement of the JSON is made again from the pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from peopleparse.data.files import PART_PREFIX, hash_bytes, read_image_size
from peopleparse.data.gps import (
    annotation_folder,
    mask_name,
    read_annotation,
    read_image_ids,
    read_record,
    record_path,
)
from peopleparse.data.gps_record import (
    COMPUTED_FIELDS,
    FLATTEN_RULE,
    ORDER,
    STATUSES,
    UNFINISHED,
    count_overlaps,
    describe_labels,
    describe_person,
    find_disorder,
)
from peopleparse.errors import DataError
from peopleparse.structures import Annotation


def check_dataset(
    folder: str | Path, track: Callable[[Sequence[str]], Iterable[str]] = iter
) -> list[str]:
    """Return every problem of a GPS folder, one line each; none for a good one.

    Args:
        folder: the data set.
        track: wraps the image ids, for a progress bar.

    Raises:
        DataError: the folder is no GPS folder.
    """
    ids = read_image_ids(folder)
    problems = []
    for image_id in track(ids):
        problems += check_image(folder, image_id)
    return problems + _check_names(Path(folder)) + _check_images(Path(folder), ids)


def note_dataset(folder: str | Path) -> list[str]:
    """Return what is allowed but worth knowing: images with few persons, unfinished persons.

    Raises:
        DataError: the folder is no GPS folder.
    """
    counts, unfinished = Counter[int](), 0
    for _, record in _readable_records(folder):
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


def check_image(folder: str | Path, image_id: str) -> list[str]:
    """Return every problem of one image, its JSON and its person-level PNGs."""
    try:
        record = read_record(folder, image_id)
    except DataError as error:
        return [str(error)]
    path = record_path(folder, image_id)
    problems = [f"{what}, at {path}." for what in _check_statements(record)]
    problems += _check_files(annotation_folder(folder, image_id), image_id, record["n_persons"])
    problems += _check_image_file(Path(folder), record, path)
    try:
        annotation = read_annotation(folder, image_id)
    except DataError as error:
        return [*problems, str(error)]
    return problems + [f"{what}, at {path}." for what in _check_persons(record, annotation)]


def _check_statements(record: dict[str, Any]) -> list[str]:
    problems = []
    for name, expected in (("order", ORDER), ("flatten_rule", FLATTEN_RULE)):
        if record[name] != expected:
            problems.append(f"{name} must be '{expected}', got '{record[name]}'")
    broken = [n for n, person in enumerate(record["persons"], 1) if not isinstance(person, dict)]
    if broken:
        return [*problems, f"persons must be mappings, got other values for persons {broken}"]
    for number, person in enumerate(record["persons"], 1):
        if person.get("status") not in STATUSES:
            problems.append(
                f"status of person {number} must be one of {', '.join(STATUSES)}, "
                f"got {person.get('status')!r}"
            )
    uids = Counter(str(person.get("uid")) for person in record["persons"])
    twice = [uid for uid, count in uids.items() if count > 1]
    if twice:
        problems.append(f"uid must be a person's own, got {twice} more than once")
    return problems


def _check_files(folder: Path, image_id: str, count: int) -> list[str]:
    """Return files that do not belong; a missing PNG is found when it is read."""
    expected = {f"{image_id}.json"}
    expected |= {mask_name(image_id, count, index) for index in range(1, count + 1)}
    extra = sorted(path.name for path in folder.iterdir() if path.name not in expected)
    return [
        f"annotation must hold its JSON and {count} PNGs only, got '{name}' too, at {folder}."
        for name in extra
    ]


def _check_image_file(folder: Path, record: dict[str, Any], path: Path) -> list[str]:
    image = record["image"]
    file, problems = folder / image["file"], []
    try:
        height, width = read_image_size(file)
    except DataError as error:
        return [str(error)]
    if file.stem != path.stem:
        problems.append(f"image must be named like its annotation '{path.stem}', got {file}.")
    if (width, height) != (image["width"], image["height"]):
        problems.append(
            f"image must be {image['width']} x {image['height']} as its JSON says, "
            f"got {width} x {height}, at {file}."
        )
    if hash_bytes(file.read_bytes()) != image["sha256"]:
        problems.append(
            f"image must have the sha256 of its JSON, {image['sha256'][:12]}..., "
            f"got another, at {file}. Its masks may belong to another picture."
        )
    return problems


def _check_persons(record: dict[str, Any], annotation: Annotation) -> list[str]:
    problems = []
    if record["labels"] != describe_labels(annotation.scheme):
        problems.append(f"labels must be those of scheme '{annotation.scheme.name}', got others")
    persons = [person if isinstance(person, dict) else {} for person in record["persons"]]
    seen = []
    for number, (person, parsing) in enumerate(zip(persons, annotation.parsings, strict=True), 1):
        facts = {"index": number} | describe_person(parsing, annotation.scheme)
        problems += [
            f"{name} of person {number} must be {facts[name]} as its PNG says, "
            f"got {person.get(name)}"
            for name in COMPUTED_FIELDS
            if person.get(name) != facts[name]
        ]
        if not facts["area"] and person.get("status") not in UNFINISHED:
            problems.append(f"person {number} must have a labelled pixel, got none")
        seen.append(person | facts)
    disorder = find_disorder(seen)
    if disorder:
        problems.append(disorder)
    overlaps = count_overlaps(annotation.masks)
    if record["overlaps"] != overlaps:
        problems.append(f"overlaps must be {overlaps} as the PNGs say, got {record['overlaps']}")
    return problems


def _check_names(folder: Path) -> list[str]:
    """Return what is in annotations/ and is no annotation."""
    problems = []
    for path in sorted((folder / "annotations").iterdir()):
        if path.name.startswith(PART_PREFIX):
            problems.append(f"write must have ended, got a rest of one, at {path}. Delete it.")
        elif not path.is_dir():
            problems.append(f"annotations/ must hold one folder an image, got the file {path}.")
    return problems


def _check_images(folder: Path, ids: list[str]) -> list[str]:
    """Return images without annotation, and pictures that are in the data set twice."""
    problems, first = [], dict[str, str]()
    images = folder / "images"
    names = sorted(path.name for path in images.iterdir()) if images.is_dir() else []
    used = {record["image"]["file"] for _, record in _readable_records(folder)}
    for name in names:
        if f"images/{name}" not in used and Path(name).stem not in ids:
            problems.append(f"image must have an annotation, got none, at {images / name}.")
        elif f"images/{name}" not in used:
            problems.append(f"image must be named by its JSON, got another, at {images / name}.")
    for image_id, record in _readable_records(folder):
        twin = first.setdefault(record["image"]["sha256"], image_id)
        if twin != image_id:
            problems.append(
                f"image must be in the data set once, got '{image_id}' equal to '{twin}', "
                f"at {folder}."
            )
    return problems


def _readable_records(folder: str | Path) -> Iterable[tuple[str, dict[str, Any]]]:
    for image_id in read_image_ids(folder):
        try:
            yield image_id, read_record(folder, image_id)
        except DataError:  # check_image reports it
            continue
