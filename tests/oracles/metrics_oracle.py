"""Scores by the definitions: Python loops over pixels, exact fractions, no numpy tricks.

Persons are lists of label maps; a label map is a list of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

Map = list[list[int]]


def pixels(image: Map) -> list[int]:
    return [label for row in image for label in row]


# Whole-set confusion


def confusion(pairs: list[tuple[Map, Map]], num_ids: int, ignore_id: int = 255) -> Map:
    matrix = [[0] * num_ids for _ in range(num_ids)]
    for truth, prediction in pairs:
        for t, p in zip(pixels(truth), pixels(prediction), strict=True):
            if t != ignore_id:
                matrix[t][p] += 1
    return matrix


def pixel_scores(matrix: Map, absent: str) -> dict[str, Fraction | None]:
    """Overall accuracy, mean accuracy, mean IoU, frequency-weighted IoU; None for no pixel."""
    ids = range(len(matrix))
    rows = [sum(matrix[c]) for c in ids]
    columns = [sum(matrix[t][c] for t in ids) for c in ids]
    total = sum(rows)
    if total == 0:
        return dict.fromkeys(["overall", "accuracy", "iou", "weighted"])
    accuracies, ious, weighted = [], [], Fraction(0)
    for c in ids:
        union = rows[c] + columns[c] - matrix[c][c]
        if rows[c]:
            accuracies.append(Fraction(matrix[c][c], rows[c]))
            weighted += Fraction(rows[c], total) * Fraction(matrix[c][c], union)
        elif absent != "skip":
            accuracies.append(Fraction(absent == "one"))
        if union:
            ious.append(Fraction(matrix[c][c], union))
        elif absent != "skip":
            ious.append(Fraction(absent == "one"))
    return {
        "overall": Fraction(sum(matrix[c][c] for c in ids), total),
        "accuracy": sum(accuracies, Fraction(0)) / len(accuracies),
        "iou": sum(ious, Fraction(0)) / len(ious),
        "weighted": weighted,
    }


# One truth person and one predicted person


def part_counts(truth: Map, prediction: Map, label: int, ignore_id: int = 255) -> tuple[int, int]:
    """Intersection and union of one label, without the pixels that the truth ignores."""
    shared = either = 0
    for t, p in zip(pixels(truth), pixels(prediction), strict=True):
        if t == ignore_id:
            continue
        shared += t == label and p == label
        either += t == label or p == label
    return shared, either


def person_iou(truth: Map, prediction: Map, ignore_id: int = 255) -> Fraction:
    shared = either = 0
    for t, p in zip(pixels(truth), pixels(prediction), strict=True):
        if t != ignore_id:
            shared += t > 0 and p > 0
            either += t > 0 or p > 0
    return Fraction(shared, either) if either else Fraction(0)


def mean_strict(truth: Map, prediction: Map, num_ids: int) -> Fraction:
    """Mean over the human parts that one or both persons have."""
    return _mean_present(truth, prediction, range(1, num_ids))


def mean_mhp(truth: Map, prediction: Map, num_ids: int) -> Fraction:
    """As strict, with the background as one more part."""
    return _mean_present(truth, prediction, range(num_ids))


def mean_literal(truth: Map, prediction: Map, num_ids: int) -> Fraction:
    """Mean over all human parts of the scheme; one that neither person has counts 1."""
    total = Fraction(0)
    for label in range(1, num_ids):
        shared, either = part_counts(truth, prediction, label)
        total += Fraction(shared, either) if either else 1
    return total / (num_ids - 1)


def _mean_present(truth: Map, prediction: Map, labels: range) -> Fraction:
    values = []
    for label in labels:
        shared, either = part_counts(truth, prediction, label)
        if either:
            values.append(Fraction(shared, either))
    return sum(values, Fraction(0)) / len(values) if values else Fraction(0)


MEANS: dict[str, Callable[[Map, Map, int], Fraction]] = {
    "strict": mean_strict,
    "literal": mean_literal,
    "mhp": mean_mhp,
}


# Average precision of one ranked list


def all_point_ap(hits: list[bool], num_truth: int) -> Fraction:
    """Each right prediction moves recall by 1/n at the best precision from there on."""
    points = _precisions(hits)
    area = Fraction(0)
    for index, hit in enumerate(hits):
        if hit:
            area += Fraction(1, num_truth) * max(points[index:])
    return area


def coco_ap(hits: list[bool], num_truth: int) -> Fraction:
    """Mean over recalls k * .01 (in float64, as published) of the best precision from there on."""
    points = _precisions(hits)
    total = Fraction(0)
    for k in range(101):
        wanted = 1.0 if k == 100 else k * 0.01
        later = [
            point
            for index, point in enumerate(points)
            if sum(hits[: index + 1]) / num_truth >= wanted
        ]
        total += max(later, default=Fraction(0))
    return total / 101


def _precisions(hits: list[bool]) -> list[Fraction]:
    return [Fraction(sum(hits[: i + 1]), i + 1) for i in range(len(hits))]


# AP of persons over a set of images


def place(person: Map) -> tuple[int, int, int, int, list[int]]:
    """Left to right: the box of a person, then its labels row by row."""
    where = [(x, y) for y, row in enumerate(person) for x, label in enumerate(row) if label]
    if not where:
        return 0, 0, 0, 0, []
    x1, x2 = min(x for x, _ in where), max(x for x, _ in where) + 1
    y1, y2 = min(y for _, y in where), max(y for _, y in where) + 1
    return x1, y1, x2, y2, [person[y][x] for y in range(y1, y2) for x in range(x1, x2)]


def part_ap_hits(
    images: dict[str, tuple[list[Map], list[Map], list[float]]],
    num_ids: int,
    reading: str,
    threshold: Fraction,
    ignore_id: int = 255,
) -> tuple[list[bool], int]:
    """Right or wrong for every prediction of the set in order of rank, and the truth persons.

    images: (truth persons, predicted persons, scores) by image id.
    """
    ranked, num_truth, truths = [], 0, {}
    for image_id, (truth, predictions, scores) in images.items():
        seen = [t for t in truth if any(label not in (0, ignore_id) for label in pixels(t))]
        truths[image_id] = sorted(seen, key=place)
        num_truth += len(seen)
        for prediction, score in zip(predictions, scores, strict=True):
            ranked.append((-score, image_id, place(prediction), prediction))
    ranked.sort(key=lambda item: item[:3])
    taken: set[tuple[str, int]] = set()
    hits = []
    for _, image_id, _, prediction in ranked:
        best, best_value = -1, Fraction(-1)
        for index, truth_person in enumerate(truths[image_id]):
            value = MEANS[reading](truth_person, prediction, num_ids)
            if value > best_value:
                best, best_value = index, value
        hit = best_value > threshold and (image_id, best) not in taken
        if hit:
            taken.add((image_id, best))
        hits.append(hit)
    return hits, num_truth


def greedy_recall(iou: list[list[Fraction]], ranked: list[int], threshold: Fraction) -> int:
    """Truth found when each ranked prediction takes the best free truth that reaches the threshold.

    iou: one row a truth.
    """
    free = set(range(len(iou)))
    for p in ranked:
        good = [t for t in free if iou[t][p] >= threshold]
        if good:
            free.remove(max(good, key=lambda t: (iou[t][p], t)))
    return len(iou) - len(free)
