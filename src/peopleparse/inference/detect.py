"""From heat maps to boxes: peaks, suppression of doubles, and whose face is whose."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.inference.engine import Floats

MIN_SIDE = 4.0
TOP_PEAKS = 100


def find_boxes(
    heat: Floats,
    boxes: Floats,
    size: tuple[int, int],
    threshold: float,
    nms_iou: float,
    top: int = TOP_PEAKS,
) -> tuple[Floats, Floats]:
    """Return the things that a heat map shows, best first.

    A thing is a cell that is no lower than its eight neighbours; its box is clipped to the photo,
    left out when a side is under 4 pixels, and left out when a better box overlaps it too much.

    Args:
        heat: (h, w) float32 probabilities.
        boxes: (4, h, w) float32 x1, y1, x2, y2 in input pixels.
        size: height and width of the photo in input pixels, without padding.
        threshold: lowest probability of a thing.
        nms_iou: boxes that overlap a better one by more than this are doubles.
        top: most peaks looked at.

    Returns:
        boxes (N, 4) float32 and scores (N,) float32, descending.
    """
    peaks = (heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8))) & (heat >= threshold)
    cells = np.flatnonzero(peaks)
    scores = heat.ravel()[cells]
    order = np.argsort(-scores, kind="stable")[:top]
    scores, found = scores[order], boxes.reshape(4, -1).T[cells[order]]
    found, large = clip_boxes(found, size)
    found, scores = found[large], scores[large]
    kept = suppress(found, scores, nms_iou)
    return found[kept], scores[kept]


def clip_boxes(boxes: Floats, size: tuple[int, int]) -> tuple[Floats, NDArray[np.bool_]]:
    """Clip (N, 4) boxes to a photo of (height, width); also tell which are still large enough."""
    height, width = size
    edges = np.array([width, height, width, height], np.float32)
    clipped = np.clip(boxes, 0, edges).astype(np.float32)
    # Comparisons with NaN are false: a broken box is dropped here.
    kept = np.all(clipped[:, 2:] - clipped[:, :2] >= MIN_SIDE, axis=1)
    return clipped, np.asarray(kept)


def suppress(boxes: Floats, scores: Floats, nms_iou: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: indices of the boxes kept, best first.

    Args:
        boxes: (N, 4) float32.
        scores: (N,) float32.
        nms_iou: a box whose IoU with a kept, better box is above this is dropped.
    """
    order = np.argsort(-scores, kind="stable")
    doubles = box_iou(boxes, boxes) > nms_iou
    gone = np.zeros(len(boxes), bool)
    kept: list[int] = []
    for index in order.tolist():
        if not gone[index]:
            kept.append(index)
            gone |= doubles[index]
    return np.array(kept, np.intp)


def box_iou(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Return the (N, M) intersection over union of (N, 4) and (M, 4) boxes; 0 for empty ones."""
    a, b = first.astype(np.float64)[:, None], second.astype(np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    common = np.clip(sides, 0, None).prod(axis=-1)  # (N, M)
    areas = [np.clip(box[..., 2:] - box[..., :2], 0, None).prod(axis=-1) for box in (a, b)]
    union = areas[0] + areas[1] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def major_faces(
    boxes: Floats, face_boxes: Floats, exclusive: bool = True
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the major face of each person: the largest whose centre lies in the person's box.

    Args:
        boxes: (N, 4) float32 person boxes.
        face_boxes: (M, 4) float32.
        exclusive: a face in several person boxes goes to one of them: where its centre is nearest
            to the middle of the top edge, measured in widths and heights of the person box.

    Returns:
        faces (N, 4) float32, zeros where there is none, and has_face (N,) bool.

    Source: GPS paper, section 4.1.
    Differs: the paper lets one face be the major face of several persons (`exclusive=False`);
        then a person in front of whom another stands is parsed around the other's face.
    """
    faces = np.zeros((len(boxes), 4), np.float32)
    if len(boxes) == 0 or len(face_boxes) == 0:
        return faces, np.zeros(len(boxes), bool)
    centres = (face_boxes[:, :2] + face_boxes[:, 2:]) / 2
    places = (centres[None] - boxes[:, None, :2]) / (boxes[:, None, 2:] - boxes[:, None, :2])
    inside = np.all((places >= 0) & (places <= 1), axis=-1)  # (N, M)
    if exclusive:
        distance = np.abs(places[..., 0] - 0.5) + places[..., 1]
        nearest = np.where(inside, distance, np.inf).argmin(axis=0)  # (M,)
        inside = inside & (np.arange(len(boxes))[:, None] == nearest)
    areas = (face_boxes[:, 2:] - face_boxes[:, :2]).prod(axis=1)
    largest = np.where(inside, areas, -1).argmax(axis=1)  # (N,)
    has_face = np.asarray(np.any(inside, axis=1))
    faces[has_face] = face_boxes[largest[has_face]]
    return faces, has_face
