"""What is likely wrong in a photo's annotation: each fault a sentence with the place to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.data.gps_record import UNFINISHED, scheme_of
from peopleparse.errors import DataError
from peopleparse.labels import Scheme
from peopleparse.metrics.anatomy import audit_people
from peopleparse.structures import mask_box
from peopleparse.studio.annotation_store import AnnotationStore
from peopleparse.studio.person_masks import (
    Cutout,
    mask_path,
    read_mask,
    shared_pixels,
    size_of,
)
from peopleparse.studio.photo_reader import Record
from peopleparse.studio.photo_record import extra_of

ISLAND = 20  # pixels: a smaller piece of a part is a slip of the brush
MAX_EACH = 10  # findings of one kind a person; the rest is summed up in one sentence
_AUDIT_PIXELS = 40_000_000  # persons times pixels that the auditor looks at; beyond, a coarser grid
_CODES = {"wrong_side": "sides", "wrong_join": "sides", "floating_limb": "floating"}

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Remark:
    """One thing to look at.

    Attributes:
        uid: of the person, None where it is about the photo.
        code: hole, island, sides, floating, anatomy, order, click, overlap, face, empty or file.
        severity: "error" (must be put right) or "warning" (look again).
        sentence: what is there and what to do.
        box: x1, y1, x2, y2 of the place, or None.
    """

    uid: str | None
    code: str
    severity: str
    sentence: str
    box: Box | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def lint_photo(store: AnnotationStore, photo_id: str) -> list[Remark]:
    """Return what is likely wrong in a photo, errors first.

    Raises:
        Problem: the project has no such photo (404), or its JSON cannot be used (422).
    """
    record = store.record(photo_id)
    found = [Remark(None, "file", "error", fault) for fault in store.faults(photo_id)]
    maps: list[NDArray[np.uint8] | None] = []
    for index in range(1, len(record["persons"]) + 1):
        try:
            maps.append(read_mask(mask_path(store.folder, photo_id, record, index), record))
        except DataError as error:
            maps.append(None)
            if all(str(error) != remark.sentence for remark in found):
                uid = record["persons"][index - 1]["uid"]
                found.append(Remark(uid, "file", "error", str(error)))
    cutouts = [store.read_cutout(photo_id, record, n) for n in range(1, len(maps) + 1)]
    allowed = bool(extra_of(record).get("allow_overlap", store.allow_overlap))
    found += lint_persons(record, maps, cutouts, allowed)
    return sorted(found, key=lambda remark: remark.severity)  # "error" < "warning"; stable


def lint_persons(
    record: Mapping[str, Any],
    maps: Sequence[NDArray[np.uint8] | None],
    cutouts: Sequence[Cutout | None],
    allow_overlap: bool,
) -> list[Remark]:
    """Return what is likely wrong with persons.

    Args:
        record: JSON of the photo.
        maps: (H, W) labels of each person, None where the file cannot be used.
        cutouts: where each person's labelled pixels are.
        allow_overlap: whether shared pixels are no error.
    """
    scheme = scheme_of(record["image"].get("subset"))
    found: list[Remark] = []
    for entry, labels, cutout in zip(record["persons"], maps, cutouts, strict=True):
        if labels is not None:
            found += _lint_person(entry, labels, cutout, scheme)
    found += _find_disorder(record["persons"])
    found += _find_overlaps(record["persons"], cutouts, allow_overlap)
    return found + list(_audit(record["persons"], maps, scheme, size_of(record)))


def _lint_person(
    entry: Record, labels: NDArray[np.uint8], cutout: Cutout | None, scheme: Scheme
) -> Iterator[Remark]:
    uid, who = entry["uid"], f"Person {entry['index']}"
    finished = entry.get("status") not in UNFINISHED
    if cutout is None:
        severity = "error" if finished else "warning"
        yield Remark(uid, "empty", severity, f"{who} has no labelled pixel yet.")
        return
    yield from _sum_up(_find_holes(cutout), uid, "hole", who, "hole")
    box = cutout.box
    inside = labels[box[1] : box[3], box[0] : box[2]]
    yield from _sum_up(_find_islands(inside, cutout, scheme), uid, "island", who, "speck")
    if finished and not (inside == scheme.id_of("face")).any():
        sentence = f"{who} has no face: paint it, or leave it if it cannot be seen."
        yield Remark(uid, "face", "warning", sentence, box)
    click = entry.get("click_xy")
    if click is not None and finished and not _is_on(cutout, click):
        sentence = f"{who} was clicked beside what is painted: is it the same person?"
        yield Remark(uid, "click", "warning", sentence, box)


def _is_on(cutout: Cutout, click: Sequence[float]) -> bool:
    x, y = int(click[0]) - cutout.box[0], int(click[1]) - cutout.box[1]
    height, width = cutout.mask.shape
    return 0 <= x < width and 0 <= y < height and bool(cutout.mask[y, x])


def _sum_up(
    places: Iterable[tuple[int, Box, str]], uid: str, code: str, who: str, noun: str
) -> Iterator[Remark]:
    """Yield the largest places one by one, and one sentence for the rest."""
    ordered = sorted(places, key=lambda place: (-place[0], place[1]))
    for pixels, box, of in ordered[:MAX_EACH]:
        some = "1 pixel" if pixels == 1 else f"{pixels} pixels"
        yield Remark(uid, code, "warning", f"{who} has a {noun} of {some}{of}.", box)
    rest = ordered[MAX_EACH:]
    if rest:
        edges = np.array([box for _, box, _ in rest])
        low, high = edges.min(axis=0), edges.max(axis=0)
        around = (int(low[0]), int(low[1]), int(high[2]), int(high[3]))
        total = sum(pixels for pixels, _, _ in rest)
        sentence = f"{who} has {len(rest)} more {noun}s of {total} pixels in all."
        yield Remark(uid, code, "warning", sentence, around)


def _find_holes(cutout: Cutout) -> Iterator[tuple[int, Box, str]]:
    """Yield background that a person encloses: pixels, box, and words to add."""
    free = np.pad(~cutout.mask, 1, constant_values=True).astype(np.uint8)
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(free, connectivity=4)
    outside = int(numbers[0, 0])
    for number in range(1, count):
        if number != outside:
            box = _box_of(stats[number], cutout.box[0] - 1, cutout.box[1] - 1)
            yield int(stats[number, cv2.CC_STAT_AREA]), box, ""


def _find_islands(
    inside: NDArray[np.uint8], cutout: Cutout, scheme: Scheme
) -> Iterator[tuple[int, Box, str]]:
    """Yield small pieces of a part that has a larger one, and pieces that touch nothing else."""
    x, y = cutout.box[:2]
    _, numbers, whole, _ = cv2.connectedComponentsWithStats(
        cutout.mask.astype(np.uint8), connectivity=8
    )
    largest = 1 + int(whole[1:, cv2.CC_STAT_AREA].argmax())
    for label_id in np.flatnonzero(np.bincount(inside.ravel(), minlength=256)[1:]) + 1:
        if label_id == scheme.ignore_id:
            continue
        mask = (inside == label_id).astype(np.uint8)
        box = mask_box(mask.astype(bool))
        assert box is not None
        x1, y1, x2, y2 = (int(edge) for edge in box)
        count, pieces, stats, _ = cv2.connectedComponentsWithStats(
            mask[y1:y2, x1:x2], connectivity=8
        )
        main = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
        for number in range(1, count):
            area = int(stats[number, cv2.CC_STAT_AREA])
            if area >= ISLAND:
                continue
            rows, columns = np.nonzero(pieces == number)
            alone = numbers[rows[0] + y1, columns[0] + x1] != largest
            if number != main or alone:
                place = _box_of(stats[number], x + x1, y + y1)
                yield area, place, f" of {scheme.names[label_id]}"


def _box_of(stats: NDArray[Any], x: int, y: int) -> Box:
    left, top = int(stats[cv2.CC_STAT_LEFT]) + x, int(stats[cv2.CC_STAT_TOP]) + y
    width, height = int(stats[cv2.CC_STAT_WIDTH]), int(stats[cv2.CC_STAT_HEIGHT])
    return left, top, left + width, top + height


def _find_disorder(persons: Sequence[Mapping[str, Any]]) -> Iterator[Remark]:
    """Yield neighbours whose painted pixels stand the other way round than their clicks."""
    placed = [entry for entry in persons if entry.get("centroid_x") is not None]
    for left, right in zip(placed, placed[1:], strict=False):
        if left["centroid_x"] > right["centroid_x"]:
            yield Remark(
                right["uid"],
                "order",
                "warning",
                f"Person {right['index']} stands left of person {left['index']} by what is painted "
                f"(middle at {right['centroid_x']:.0f} and {left['centroid_x']:.0f}), not so by "
                "the clicks: are the two mixed up?",
                tuple(right["bbox"]),
            )


def _find_overlaps(
    persons: Sequence[Mapping[str, Any]], cutouts: Sequence[Cutout | None], allowed: bool
) -> Iterator[Remark]:
    """Yield pairs of persons who share pixels: an error where they must not."""
    for b, second in enumerate(cutouts):
        for a, first in enumerate(cutouts[:b]):
            both = None if first is None or second is None else shared_pixels(first, second)
            box = None if both is None else mask_box(both)
            if both is None or box is None or first is None or second is None:
                continue
            x, y = max(first.box[0], second.box[0]), max(first.box[1], second.box[1])
            x1, y1, x2, y2 = (int(edge) for edge in box)
            yield Remark(
                persons[b]["uid"],
                "overlap",
                "warning" if allowed else "error",
                f"Persons {a + 1} and {b + 1} share {int(both.sum())} pixels"
                + ("." if allowed else ": give each to one of them, or allow overlap."),
                (x1 + x, y1 + y, x2 + x, y2 + y),
            )


def _audit(
    persons: Sequence[Mapping[str, Any]],
    maps: Sequence[NDArray[np.uint8] | None],
    scheme: Scheme,
    size: tuple[int, int],
) -> Iterator[Remark]:
    """Yield anatomy that cannot be: left and right swapped, parts that float, and more."""
    there = [
        (entry, labels) for entry, labels in zip(persons, maps, strict=True) if labels is not None
    ]
    if not there:
        return
    step = int(np.ceil(np.sqrt(len(there) * size[0] * size[1] / _AUDIT_PIXELS)))
    stack = np.stack([labels[::step, ::step] for _, labels in there])
    for finding in audit_people(stack, scheme):
        entry = there[finding.person - 1][0]
        sentence = finding.text.replace(f"Person {finding.person}:", f"Person {entry['index']}:", 1)
        x1, y1, x2, y2 = (edge * step for edge in finding.box)
        box = (x1, y1, min(x2, size[1]), min(y2, size[0]))
        code = _CODES.get(finding.kind, "anatomy")
        yield Remark(entry["uid"], code, "warning", sentence, box)
