"""Statistics of persons straight from their definitions: plain loops over pixels and pairs."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np

Box = tuple[int, int, int, int] | None


def find_box(person: np.ndarray, ignore_id: int = 255) -> Box:
    spots = [
        (x, y)
        for y in range(person.shape[0])
        for x in range(person.shape[1])
        if person[y, x] not in (0, ignore_id)
    ]
    if not spots:
        return None
    xs, ys = [x for x, _ in spots], [y for _, y in spots]
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1


def box_iou(a: Box, b: Box) -> Fraction:
    if a is None or b is None:
        return Fraction(0)
    cells_a, cells_b = (
        {(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])} for box in (a, b)
    )
    return Fraction(len(cells_a & cells_b), len(cells_a | cells_b))


def count_images(images: list[np.ndarray], names: tuple[str, ...]) -> dict[str, object]:
    """Count images of (N, H, W) person maps; names by label id."""
    per_image, heights, shown, together = Counter(), Counter(), Counter(), Counter()
    pair_ious: list[Fraction] = []
    greatest: list[Fraction] = []
    shared = 0
    for persons in images:
        per_image[len(persons)] += 1
        boxes = [find_box(person) for person in persons]
        for person, box in zip(persons, boxes, strict=True):
            if box is not None:
                heights[box[3] - box[1]] += 1
            parts = {names[label] for label in person.ravel().tolist() if label not in (0, 255)}
            shown.update(parts)
            together.update((a, b) for a in parts for b in parts)
        for n, box in enumerate(boxes):
            others = [box_iou(box, other) for m, other in enumerate(boxes) if m != n]
            greatest.append(max(others, default=Fraction(0)))
            pair_ious += others[:n]
        for y in range(persons.shape[1]):
            for x in range(persons.shape[2]):
                owners = sum(int(person[y, x]) not in (0, 255) for person in persons)
                shared += owners * (owners - 1) // 2
    return {
        "persons_per_image": per_image,
        "person_heights": heights,
        "part_persons": shown,
        "together": together,
        "pair_ious": pair_ious,
        "greatest_ious": greatest,
        "overlap_pixels": shared,
    }
