"""Pasting and box finding written straight from their definitions, one pixel at a time."""

from __future__ import annotations

import math

import numpy as np


def sample_bilinear(grid: np.ndarray, v: float, u: float) -> float:
    """Sample a (GH, GW) grid at row v, column u; the rim is continued outward."""
    height, width = grid.shape
    v, u = min(max(v, 0.0), height - 1.0), min(max(u, 0.0), width - 1.0)
    top, left = int(v), int(u)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = v - top, u - left
    above = grid[top, left] * (1 - across) + grid[top, right] * across
    below = grid[bottom, left] * (1 - across) + grid[bottom, right] * across
    return above * (1 - down) + below * down


def person_at(logits: np.ndarray, box: np.ndarray, y: int, x: int) -> tuple[float, int]:
    """Return margin and part of one person at the centre of pixel (y, x); (0, 0) outside."""
    x1, y1, x2, y2 = (float(v) for v in box)
    if not (math.floor(x1) <= x < math.ceil(x2) and math.floor(y1) <= y < math.ceil(y2)):
        return 0.0, 0
    v = (y + 0.5 - y1) / (y2 - y1) * logits.shape[1] - 0.5
    u = (x + 0.5 - x1) / (x2 - x1) * logits.shape[2] - 0.5
    values = [sample_bilinear(channel, v, u) for channel in logits.astype(np.float64)]
    part = max(range(1, len(values)), key=lambda label: (values[label], -label))
    margin = values[part] - values[0]
    return (margin, part) if margin > 0 else (0.0, 0)


def paste(logits, boxes, scores, size) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return margin, parsing and instances, each (H, W); doubles are not dropped."""
    margins, parsing = np.zeros(size), np.zeros(size, int)
    instances = np.zeros(size, int)
    for y in range(size[0]):
        for x in range(size[1]):
            best = (0.0, 0.0)
            for index, (one, box, score) in enumerate(zip(logits, boxes, scores, strict=True), 1):
                margin, part = person_at(one, box, y, x)
                if margin > 0 and (margin, score) > best:
                    best = (margin, float(score))
                    margins[y, x], parsing[y, x], instances[y, x] = margin, part, index
    return margins, parsing, instances


def iou(a, b) -> float:
    """Return the intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def suppress(boxes, scores, limit: float) -> list[int]:
    """Return the indices that greedy suppression keeps, best first."""
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(iou(boxes[index], boxes[other]) <= limit for other in kept):
            kept.append(index)
    return kept


def major_face(person, faces) -> int | None:
    """Return the index of the largest face whose centre lies in the person's box, or None."""
    best, found = 0.0, None
    for index, face in enumerate(faces):
        x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
        area = (face[2] - face[0]) * (face[3] - face[1])
        if person[0] <= x <= person[2] and person[1] <= y <= person[3] and area > best:
            best, found = area, index
    return found
