"""Scores by the definitions: Python loops over pixels, exact fractions, no numpy tricks.

Only what reproduces a published script computes in float64, as the script does.

Persons are lists of label maps; a label map is a list of rows.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

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


# Which labels are averaged: with background?, labels of (one or both persons, the truth, all), and
# what a label counts that neither has. Then who looks for whom, with scores?, above or at least.
WAYS: dict[str, tuple[bool, str, int, str, bool, str]] = {
    "strict": (False, "one or both", 0, "prediction", True, "above"),
    "literal": (False, "all", 1, "prediction", True, "above"),
    "mhp": (True, "one or both", 0, "prediction", True, "above"),
    "truth-present": (False, "truth", 0, "prediction", True, "above"),
    "all-zero": (False, "all", 0, "prediction", True, "above"),
    "truth-present-background": (True, "truth", 0, "prediction", True, "above"),
    "literal-background": (True, "all", 1, "prediction", True, "above"),
    "all-zero-background": (True, "all", 0, "prediction", True, "above"),
    "strict-truth-driven": (False, "one or both", 0, "truth", True, "above"),
    "literal-truth-driven": (False, "all", 1, "truth", True, "above"),
    "mhp-truth-driven": (True, "one or both", 0, "truth", True, "above"),
    "strict-coco-101": (False, "one or both", 0, "prediction", True, "above"),
    "strict-unscored": (False, "one or both", 0, "prediction", False, "above"),
    "literal-unscored": (False, "all", 1, "prediction", False, "above"),
    "strict-inclusive": (False, "one or both", 0, "prediction", True, "at least"),
}


def mean_of_parts(truth: Map, prediction: Map, num_ids: int, reading: str) -> Fraction:
    """Mean IoU of the labels that a reading averages; 0 where there is none."""
    background, averaged, absent, *_ = WAYS[reading]
    values = []
    for label in range(0 if background else 1, num_ids):
        shared, either = part_counts(truth, prediction, label)
        if averaged == "truth" and label not in pixels(truth):
            continue
        if either:
            values.append(Fraction(shared, either))
        elif averaged == "all":
            values.append(Fraction(absent))
    return sum(values, Fraction(0)) / len(values) if values else Fraction(0)


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


def area_as_defined(hits: list[bool], num_truth: int, way: str, one_point: bool) -> float:
    """Area in float64, rounded where the definition rounds: precisions, their sum, the division.

    way: "all-point" or "coco-101". one_point: the order means nothing, only the end counts.
    """
    ends = [len(hits)] if one_point and hits else range(1, len(hits) + 1)
    right = [sum(hits[:end]) for end in ends]
    points = [r / end for r, end in zip(right, ends, strict=True)]
    best = [max(points[i:]) for i in range(len(points))]
    if way == "coco-101":
        total = Fraction(0)
        for k in range(101):
            wanted = 1.0 if k == 100 else k * 0.01
            reached = [i for i, r in enumerate(right) if r / num_truth >= wanted]
            total += Fraction(best[reached[0]]) if reached else 0
        return float(total) / 101
    total = Fraction(0)
    for i, height in enumerate(best):
        total += Fraction((right[i] - (right[i - 1] if i else 0)) * height)
    return float(total) / num_truth


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


Images = dict[str, tuple[list[Map], list[Map], list[float]]]


def part_ap_hits(
    images: Images,
    num_ids: int,
    reading: str,
    threshold: Fraction,
    ignore_id: int = 255,
    means: dict[tuple[str, int, int], Fraction] | None = None,
) -> tuple[list[bool], int]:
    """Right or wrong for every prediction of the set in order of rank, and the truth persons.

    images: (truth persons, predicted persons, scores) by image id; means: from `part_means`.
    """
    means = part_means(images, num_ids, reading) if means is None else means
    *_, looks, scored, enough = WAYS[reading]
    ranked, truths = [], {}
    for image_id, (truth, predictions, scores) in images.items():
        truths[image_id] = _visible(truth, ignore_id)
        for p, prediction in enumerate(predictions):
            ranked.append((-scores[p] if scored else 0.0, image_id, place(prediction), p))
    ranked.sort(key=lambda item: item[:3])
    taken: set[tuple[str, int]] = set()
    hits = []
    for _, image_id, _, p in ranked:
        if looks == "prediction":
            served = _first_best({t: means[image_id, t, p] for t in truths[image_id]})
        else:
            mine = [key[3] for key in ranked if key[1] == image_id]
            served = _served(truths[image_id], mine, image_id, means, p)
        value = Fraction(-1) if served is None else means[image_id, served, p]
        good = value >= threshold if enough == "at least" else value > threshold
        hit = good and (image_id, served) not in taken
        if hit:
            taken.add((image_id, served))
        hits.append(hit)
    return hits, sum(len(seen) for seen in truths.values())


def part_means(images: Images, num_ids: int, reading: str) -> dict[tuple[str, int, int], Fraction]:
    """Mean of every truth person and prediction of an image, by their numbers as given."""
    return {
        (image_id, t, p): mean_of_parts(truth_person, prediction, num_ids, reading)
        for image_id, (truth, predictions, _) in images.items()
        for t, truth_person in enumerate(truth)
        for p, prediction in enumerate(predictions)
    }


def _visible(truth: list[Map], ignore_id: int) -> list[int]:
    """Numbers of persons with a labelled pixel, left to right."""
    seen = [
        t
        for t, person in enumerate(truth)
        if any(label not in (0, ignore_id) for label in pixels(person))
    ]
    return sorted(seen, key=lambda t: place(truth[t]))


def _first_best(values: dict[int, Fraction]) -> int | None:
    return max(values, key=values.__getitem__) if values else None  # max keeps the first


def _served(
    truths: list[int],
    ranked: list[int],
    image_id: str,
    means: dict[tuple[str, int, int], Fraction],
    p: int,
) -> int | None:
    """The truth person that prediction p serves where each truth looks for its best prediction."""
    values = {}
    for t in truths:
        if _first_best({q: means[image_id, t, q] for q in ranked}) == p:
            values[t] = means[image_id, t, p]
    return _first_best(values)


def legacy_mhp(
    images: Images, num_ids: int, threshold: float, ignore_id: int = 255
) -> tuple[list[bool], float]:
    """AP^p as the published script goes about it, step by step; right or wrong, and the area."""
    who, scores, truths = [], [], {}
    for image_id in sorted(images):
        truths[image_id] = sorted(_visible(images[image_id][0], ignore_id))
        for p, score in enumerate(images[image_id][2]):
            who.append((image_id, p))
            scores.append(score)
    num_truth = sum(len(seen) for seen in truths.values())
    taken: set[tuple[str, int]] = set()
    hits = []
    for i in np.argsort(-np.array(scores, np.float64)):
        image_id, p = who[i]
        best, owner = -np.inf, -1
        for t in truths[image_id]:
            iou = []
            for label in range(num_ids):
                pair = images[image_id][0][t], images[image_id][1][p]
                shared, either = part_counts(*pair, label, ignore_id)
                iou.append(np.float64(shared) / either if either else np.nan)
            if np.nanmean(np.array(iou)) > best:
                best, owner = np.nanmean(np.array(iou)), t
        hit = best > threshold and (image_id, owner) not in taken
        if hit:
            taken.add((image_id, owner))
        hits.append(bool(hit))
    if not num_truth or not hits:
        return hits, float("nan") if not num_truth else 0.0
    right, wrong = np.cumsum(np.array(hits, float)), np.cumsum(1.0 - np.array(hits, float))
    recall = np.concatenate([[0.0], right / float(num_truth), [1.0]])
    precision = np.concatenate([[0.0], right / (right + wrong), [0.0]])
    for i in range(len(precision) - 1, 0, -1):
        precision[i - 1] = max(precision[i - 1], precision[i])
    moves = [i for i in range(len(recall) - 1) if recall[i + 1] != recall[i]]
    areas = [(recall[i + 1] - recall[i]) * precision[i + 1] for i in moves]
    return hits, float(np.sum(np.array(areas)))


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
