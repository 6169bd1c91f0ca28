"""Find what is wrong with one image of a GPS folder: its JSON is made again from its PNGs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.files import hash_bytes, read_image_size
from peopleparse.data.gps import annotation_folder, mask_name, read_record, record_path
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
    find_xs,
    scheme_of,
)
from peopleparse.data.label_decode import find_stray
from peopleparse.data.png import read_label_png
from peopleparse.errors import DataError
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation

_MASK_NAME = re.compile(r"(.+)_(\d{2,})_(\d{2,})\.png")
_WRITE_AGAIN = "Write the annotation again, or put the PNG back that it was made from."


def check_image(folder: str | Path, image_id: str) -> list[str]:
    """Return every problem of one image, its JSON and its person-level PNGs.

    Where the JSON cannot be read the names of the PNGs are still compared with their number.
    """
    home = annotation_folder(folder, image_id)
    try:
        record = read_record(folder, image_id)
    except DataError as error:
        return [str(error), *_check_names(home, image_id, None)]
    path = record_path(folder, image_id)
    problems = [f"{what}, at {path}. {remedy}" for what, remedy in _check_statements(record)]
    problems += _check_names(home, image_id, record["n_persons"])
    problems += _check_image_file(Path(folder), record, path)
    maps, faults = _read_masks(home, image_id, record)
    if faults or len(maps) < record["n_persons"]:
        return problems + faults
    size = (record["image"]["height"], record["image"]["width"])
    stack = np.stack(maps) if maps else np.zeros((0, *size), np.uint8)
    annotation = Annotation(stack, scheme_of(record["image"].get("subset")), image_id)
    found = [*_check_persons(record, annotation), *_check_overlaps(record, annotation)]
    return problems + [f"{what}, at {path}. {remedy}" for what, remedy in found]


def _check_statements(record: dict[str, Any]) -> list[tuple[str, str]]:
    problems = []
    for name, expected in (("order", ORDER), ("flatten_rule", FLATTEN_RULE)):
        if record[name] != expected:
            what = f"{name} must be '{expected}', got '{record[name]}'"
            problems.append((what, "Bring the persons to that rule and name it."))
    broken = [n for n, person in enumerate(record["persons"], 1) if not isinstance(person, dict)]
    if broken:
        what = f"persons must be mappings, got other values for persons {broken}"
        return [*problems, (what, "Write the annotation again.")]
    for number, person in enumerate(record["persons"], 1):
        if person.get("status") not in STATUSES:
            what = (
                f"status of person {number} must be one of {', '.join(STATUSES)}, "
                f"got {person.get('status')!r}"
            )
            problems.append((what, "Correct it."))
    uids = Counter(str(person.get("uid")) for person in record["persons"])
    twice = [uid for uid, count in uids.items() if count > 1]
    if twice:
        what = f"uid must be a person's own, got {twice} more than once"
        problems.append((what, "Rename one, or take the person out that is there twice."))
    return problems


def _check_names(home: Path, image_id: str, count: int | None) -> list[str]:
    """Return PNGs that are missing, that do not belong, and whose N is another."""
    names = sorted(path.name for path in home.iterdir()) if home.is_dir() else []
    numbers: dict[str, tuple[int, int]] = {}
    problems = []
    for name in names:
        match = _MASK_NAME.fullmatch(name)
        if match and match[1] == image_id:
            numbers[name] = (int(match[2]), int(match[3]))
    said = "persons in the JSON"
    if count is None:
        count, said = len(numbers), "PNGs"
    for name in names:
        number, person = numbers.get(name, (count, 0))
        if number != count:
            problems.append(
                f"N in the name of a PNG must be the number of {said}, {count}, got {number} in "
                f"'{name}', at {home}. Rename the PNGs, or put the missing persons back."
            )
        elif name != f"{image_id}.json" and not 1 <= person <= count:
            problems.append(
                f"annotation must hold its JSON and {count} PNGs only, got '{name}' too, "
                f"at {home}. Take it out, or write the annotation again with it."
            )
    present = {person for _, person in numbers.values()}
    for person in range(1, count + 1):
        if person not in present:
            place = home / mask_name(image_id, count, person)
            problems.append(
                f"label PNG must be a file, got none, at {place}. Put person {person} of {count} "
                "back, or write the annotation again without."
            )
    return problems


def _read_masks(
    home: Path, image_id: str, record: dict[str, Any]
) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """Return the maps that are there and what is wrong with them."""
    scheme = scheme_of(record["image"].get("subset"))
    width, height, count = record["image"]["width"], record["image"]["height"], record["n_persons"]
    maps, faults = [], []
    for person in range(1, count + 1):
        path = home / mask_name(image_id, count, person)
        if not path.exists():  # told by its name
            continue
        try:
            labels = read_label_png(path)
        except DataError as error:
            faults.append(str(error))
            continue
        if labels.shape != (height, width):
            faults.append(
                f"label PNG must be {width} x {height} like its image, got "
                f"{labels.shape[1]} x {labels.shape[0]}, at {path}. Draw it on the same image; "
                "never resize a mask alone."
            )
        stray = find_stray(labels, scheme, truth=True)
        if stray:
            names = get_scheme("gps").names
            known = ", ".join(f"{i} is {names[i]}" for i in stray if i < len(names))
            faults.append(
                f"label ids must be ids of scheme '{scheme.name}' or {scheme.ignore_id}, "
                f"got {stray}, at {path}. Correct the mask, or the subset of its image"
                f"{f' ({known})' if known else ''}."
            )
        maps.append(labels)
    return maps, faults


def _check_image_file(folder: Path, record: dict[str, Any], path: Path) -> list[str]:
    image = record["image"]
    file, problems = folder / image["file"], []
    try:
        height, width = read_image_size(file)
    except DataError as error:
        return [str(error)]
    if file.stem != path.stem:
        problems.append(
            f"image must be named like its annotation '{path.stem}', got {file}. Rename it, here "
            "and in the JSON."
        )
    if (width, height) != (image["width"], image["height"]):
        problems.append(
            f"image must be {image['width']} x {image['height']} as its JSON says, "
            f"got {width} x {height}, at {file}. Put the image back that was annotated."
        )
    if hash_bytes(file.read_bytes()) != image["sha256"]:
        problems.append(
            f"image must have the sha256 of its JSON, {image['sha256'][:12]}..., "
            f"got another, at {file}. Its masks may belong to another picture: look at both, then "
            "write the annotation again."
        )
    return problems


def _check_persons(record: dict[str, Any], annotation: Annotation) -> list[tuple[str, str]]:
    problems = []
    if record["labels"] != describe_labels(annotation.scheme):
        what = f"labels must be those of scheme '{annotation.scheme.name}', got others"
        problems.append((what, "Write the annotation again."))
    persons = [person if isinstance(person, dict) else {} for person in record["persons"]]
    seen = []
    for number, (person, parsing) in enumerate(zip(persons, annotation.parsings, strict=True), 1):
        facts = {"index": number} | describe_person(parsing, annotation.scheme)
        for name in COMPUTED_FIELDS:
            if person.get(name) != facts[name]:
                what = (
                    f"{name} of person {number} must be {facts[name]} as its PNG says, "
                    f"got {person.get(name)}"
                )
                problems.append((what, _WRITE_AGAIN))
        if not facts["area"] and person.get("status") not in UNFINISHED:
            what = f"person {number} must have a labelled pixel, got none"
            problems.append((what, "Annotate the person, set the status to todo, or take it out."))
        seen.append(person | facts)
    disorder = find_disorder(seen)
    if disorder:
        problems.append((disorder, _describe_order(seen, annotation.image_id)))
    return problems


def _describe_order(persons: list[dict[str, Any]], image_id: str) -> str:
    """Return which PNG stands where: persons without a pixel keep their place."""
    xs, _ = find_xs(persons)
    placed = sorted((x, number) for number, x in enumerate(xs, 1) if x is not None)
    names = [mask_name(image_id, len(persons), number) for _, number in placed]
    return f"Their order is {', '.join(names)}: rename them so, and write the annotation again."


def _check_overlaps(record: dict[str, Any], annotation: Annotation) -> list[tuple[str, str]]:
    """Return pairs of persons who share other pixels than the JSON says."""
    listed, problems = dict[tuple[int, int], Any](), []
    for entry in record["overlaps"]:
        a, b = (entry.get("a"), entry.get("b")) if isinstance(entry, dict) else (None, None)
        if not isinstance(a, int) or not isinstance(b, int) or (a, b) in listed:
            what = f"overlaps must be a, b and pixels of each pair once, got {entry!r}"
            problems.append((what, "Write the annotation again."))
        else:
            listed[a, b] = entry.get("pixels")
    found = {(o["a"], o["b"]): o["pixels"] for o in count_overlaps(annotation.masks)}
    for a, b in sorted({*found, *listed}):
        pixels, said = found.get((a, b), 0), listed.get((a, b), 0)
        if pixels != said:
            masks = " and ".join(mask_name(annotation.image_id, len(annotation), n) for n in (a, b))
            what = (
                f"pixels that persons {a} and {b} both claim must be the {said} that overlaps "
                f"lists, got {pixels} in {masks}"
            )
            remedy = "Give each pixel to one of them, or write the annotation again to list it."
            problems.append((what, remedy))
    return problems
