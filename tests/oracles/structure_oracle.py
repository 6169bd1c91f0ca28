"""The structure loss by the definition: loops over pixels, heat maps really drawn, lists.

Maps are lists of rows; groups are lists of label ids, one a joint; a centre is (x, y) or None.
"""

from __future__ import annotations

import math
from fractions import Fraction

Map = list[list[int]]
Center = tuple[float, float] | None

IGNORED = 255


def groups_of(scheme) -> list[set[int]]:
    """Label ids of each joint, read row by row from the scheme's table."""
    return [
        {label.id for label in scheme.labels if label.joint == joint} for joint in scheme.joints
    ]


def centers(parsing: Map, groups: list[set[int]], truncate: bool = True) -> list[Center]:
    found: list[Center] = []
    for group in groups:
        xs = [x for row in parsing for x, label in enumerate(row) if label in group]
        ys = [y for y, row in enumerate(parsing) for label in row if label in group]
        if not xs:
            found.append(None)
        elif truncate:
            found.append((int(sum(xs) / len(xs)), int(sum(ys) / len(ys))))
        else:
            found.append((Fraction(sum(xs), len(xs)), Fraction(sum(ys), len(ys))))
    return found


def soft_centers(probs, groups: list[set[int]], valid) -> list[tuple[float, float, float]]:
    """(x, y, presence) of each joint; probs is probs[label][y][x]."""
    found = []
    for group in groups:
        mass = x_sum = y_sum = 0.0
        for y, row in enumerate(valid):
            for x, counts in enumerate(row):
                if counts:
                    p = sum(probs[label][y][x] for label in group) ** 2
                    mass, x_sum, y_sum = mass + p, x_sum + p * x, y_sum + p * y
        size = max(mass, 1e-6)
        found.append((x_sum / size, y_sum / size, 1 - math.exp(-mass)))
    return found


def draw(center: Center, presence: float, height: int, width: int) -> list[list[float]]:
    """A joint's heat map: a bell of one cell, 4 / sqrt(2 pi) high, times its presence."""
    if center is None:
        return [[0.0] * width for _ in range(height)]
    cx, cy = float(center[0]), float(center[1])
    top = presence * 4 / math.sqrt(2 * math.pi)
    return [
        [top * math.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 2) for x in range(width)]
        for y in range(height)
    ]


def heatmap_error(a: list[list[float]], b: list[list[float]]) -> float:
    return sum((p - q) ** 2 for s, t in zip(a, b, strict=True) for p, q in zip(s, t, strict=True))


def released_weight(
    prediction: list[Center], truth: list[Center], height: int, width: int
) -> float:
    total = 0.0
    for ours, real in zip(prediction, truth, strict=True):
        # (0, 0) says absent there.
        ours, real = (None if c in (None, (0, 0)) else c for c in (ours, real))
        total += heatmap_error(draw(ours, 1, height, width), draw(real, 1, height, width))
    return 0.05 * 0.5 * total


def paper_weight(prediction, truth, height: int, width: int, measure: str) -> float:
    """Joints are (x, y, presence), presence 0 where absent."""
    total = 0.0
    for (px, py, p), (tx, ty, t) in zip(prediction, truth, strict=True):
        if measure == "heatmaps":
            ours = draw((px, py), p, height, width)
            total += heatmap_error(ours, draw((tx, ty), t, height, width))
        else:
            side = max(height, width)
            squared = float(((px - tx) / side) ** 2 + ((py - ty) / side) ** 2)
            both, either = p * t, p * (1 - t) + t * (1 - p)
            total += both * squared + either * 0.5**2
    return total / (2 * len(truth))


def with_presence(found: list[Center]) -> list[tuple[float, float, float]]:
    return [(0, 0, 0) if c is None else (float(c[0]), float(c[1]), 1) for c in found]


def softmax(scores: list[float]) -> list[float]:
    top = max(scores)
    powers = [math.exp(s - top) for s in scores]
    return [p / sum(powers) for p in powers]


def argmax(scores: list[float]) -> int:
    return max(range(len(scores)), key=lambda i: scores[i])


def person_weight(logits, truth: Map, groups, mode: str, measure: str) -> float:
    """w of one person; logits is logits[label][y][x]."""
    height, width = len(truth), len(truth[0])
    cells = [[[plane[y][x] for plane in logits] for x in range(width)] for y in range(height)]
    if mode == "soft":
        probs = [[[0.0] * width for _ in range(height)] for _ in logits]
        for y in range(height):
            for x in range(width):
                for label, p in enumerate(softmax(cells[y][x])):
                    probs[label][y][x] = p
        valid = [[label != IGNORED for label in row] for row in truth]
        real = with_presence(centers(truth, groups, truncate=False))
        return paper_weight(soft_centers(probs, groups, valid), real, height, width, measure)
    parsing = [[argmax(cell) for cell in row] for row in cells]
    real_centers = centers(truth, groups)
    if mode == "released":
        return released_weight(centers(parsing, groups), real_centers, height, width)
    for y in range(height):
        for x in range(width):
            if truth[y][x] == IGNORED:
                parsing[y][x] = IGNORED
    found = with_presence(centers(parsing, groups))
    return paper_weight(found, with_presence(real_centers), height, width, measure)


def structure_loss(
    logits, truth, groups, mode: str, measure: str, offset: float, scale: float, label_weights
) -> tuple[float, list[float], list[float]]:
    """(loss, mean cross-entropy a person, weight a person)."""
    total = size = 0.0
    means, weights = [], []
    for person, parsing in zip(logits, truth, strict=True):
        weight = offset + scale * person_weight(person, parsing, groups, mode, measure)
        own = own_size = 0.0
        for y, row in enumerate(parsing):
            for x, label in enumerate(row):
                if label != IGNORED:
                    probs = softmax([plane[y][x] for plane in person])
                    own -= label_weights[label] * math.log(probs[label])
                    own_size += label_weights[label]
        total, size = total + weight * own, size + own_size
        means.append(own / own_size if own_size else 0.0)
        weights.append(weight)
    return total / size if size else 0.0, means, weights
