"""A photo in, every person and every part out: the steps between read_image and ParsedPeople."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, suggest
from peopleparse.inference.detect import find_boxes, major_faces
from peopleparse.inference.engine import Engine, Floats, Trunk
from peopleparse.inference.paste import Pasted, mean_confidence, paste_people
from peopleparse.structures import ParsedPeople

LARGEST_UPSCALE = 2.0
# How far a person's grid reaches beyond the detected box, in box sides: a box a little too small
# must not cut a hand off. Training draws its boxes the same way.
ROI_MARGIN = 0.05
PASTE_PIXELS = 4_000_000
ROIS_A_CALL = 16
_PADDING = 127


@dataclass(frozen=True)
class Options:
    """What a user may choose about parsing one photo.

    Attributes:
        detail: name of the size that the network sees: fast, normal or fine.
        threshold: lowest probability of the detector for a person or face, 0 to 1. A person's
            score is that times the mean confidence of the person's pixels, so it may be lower.
        nms_iou: of two boxes that overlap by more than this the better one stays, 0 to 1.
        max_people: the best so many people are parsed.
        long_side: of the photo as the network sees it, in pixels, in place of what detail means.
    """

    detail: str = "normal"
    threshold: float = 0.2
    nms_iou: float = 0.6
    max_people: int = 100
    long_side: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            InputError: a number is out of its range.
        """
        for name in ("threshold", "nms_iou"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InputError(
                    f"{name} must be from 0 to 1, got {value}. Leave it out for the default."
                )
        if self.long_side is not None and self.long_side < 1:
            raise InputError(
                f"long_side must be at least 1, got {self.long_side}. Leave it out for a detail."
            )
        if self.max_people < 1:
            raise InputError(
                f"max_people must be at least 1, got {self.max_people}. "
                "Leave it out for the default."
            )


def long_side_of(long_sides: Mapping[str, int], options: Options) -> int:
    """Return the long side in pixels at which a network sees a photo.

    Args:
        long_sides: what the details mean for the network.
        options: the detail, or a long side in place of it.

    Raises:
        InputError: the network knows no such detail.
    """
    if options.long_side is not None:
        return options.long_side
    if options.detail not in long_sides:
        raise InputError(
            f"detail must be a known name, got '{options.detail}'."
            f"{suggest(options.detail, long_sides)}"
        )
    return long_sides[options.detail]


def parse_image(
    engine: Engine,
    image: NDArray[np.uint8],
    options: Options | None = None,
    source: str | None = None,
    timings: MutableMapping[str, float] | None = None,
) -> ParsedPeople:
    """Find every person of a photo and every part of every person.

    Args:
        engine: the network.
        image: (H, W, 3) uint8 RGB, upright; see `read_image`.
        options: detail, thresholds; None for the defaults.
        source: where the photo came from, for the result.
        timings: seconds are added here under resize, trunk, detect, rois and paste.

    Returns:
        The result at the size of the photo. A person's score is the detector's times the mean
        confidence of the person's pixels. Confidence is 255 * sigmoid of the owner's best
        part against background, and 0 where nobody is.

    Raises:
        InputError: the engine does not know the detail.
    """
    options = options or Options()
    clock: MutableMapping[str, float] = {} if timings is None else timings
    with _timed(clock, "resize"):
        canvas, size = fit_image(image, long_side_of(engine.long_sides, options), engine.stride)
    with _timed(clock, "trunk"):
        trunk = engine.trunk(canvas)
    with _timed(clock, "detect"):
        boxes, scores, faces, has_face = find_people(trunk, size, options)
    with _timed(clock, "rois"):
        boxes = grow_boxes(boxes, ROI_MARGIN)
        logits = _parse_boxes(engine, trunk, boxes, faces, has_face)
    with _timed(clock, "paste"):
        height, width = image.shape[:2]
        scale = np.array([width / size[1], height / size[0]] * 2, np.float32)
        pasted, scores = _paste(logits, boxes * scale, scores, (height, width))
        return ParsedPeople.from_maps(
            pasted.parsing,
            pasted.instances,
            scores=scores.tolist(),
            face_boxes=[
                face if found else None
                for face, found in zip(faces * scale, has_face.tolist(), strict=True)
            ],
            scheme=engine.scheme,
            image=image,
            source=source,
            confidence=pasted.confidence,
        )


def fit_image(
    image: NDArray[np.uint8], long_side: int, stride: int
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Scale a photo to a long side and pad it to a multiple of the stride.

    A small photo is enlarged at most twice. Padding is grey, at the bottom and at the right.

    Returns:
        The padded (h, w, 3) uint8 photo, and the height and width of the photo in it.
    """
    height, width = image.shape[:2]
    scale = min(long_side / max(height, width), LARGEST_UPSCALE)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    if size != (height, width):
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, size[::-1], interpolation=method), np.uint8)
    padded = [math.ceil(side / stride) * stride for side in size]
    canvas = np.full((*padded, 3), _PADDING, np.uint8)
    canvas[: size[0], : size[1]] = image
    return canvas, size


def find_people(
    trunk: Trunk, size: tuple[int, int], options: Options
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Return boxes (N, 4), scores (N,), faces (N, 4) and has_face (N,), best person first."""
    boxes, scores = find_boxes(
        trunk.person_heat, trunk.person_boxes, size, options.threshold, options.nms_iou
    )
    boxes, scores = boxes[: options.max_people], scores[: options.max_people]
    face_boxes, _ = find_boxes(
        trunk.face_heat, trunk.face_boxes, size, options.threshold, options.nms_iou
    )
    faces, has_face = major_faces(boxes, face_boxes)
    return boxes, scores, faces, has_face


def grow_boxes(boxes: Floats, margin: float) -> Floats:
    """Move each side of (N, 4) boxes outwards by `margin` box sides."""
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return (boxes + sides * (margin * np.array([-1, -1, 1, 1]))).astype(np.float32)


def _parse_boxes(
    engine: Engine, trunk: Trunk, boxes: Floats, faces: Floats, has_face: NDArray[np.bool_]
) -> list[Floats]:
    logits: list[Floats] = []
    for first in range(0, len(boxes), ROIS_A_CALL):
        some = slice(first, first + ROIS_A_CALL)
        logits.extend(engine.rois(trunk, boxes[some], faces[some], has_face[some]))
    return logits


def _paste(
    logits: list[Floats], boxes: Floats, scores: Floats, size: tuple[int, int]
) -> tuple[Pasted, Floats]:
    """Paste at the size of the photo, or at 4 megapixels and enlarge the maps; score the people."""
    shrink = min(1.0, math.sqrt(PASTE_PIXELS / (size[0] * size[1])))
    small = max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))
    scale = np.array([small[1] / size[1], small[0] / size[0]] * 2, np.float32)
    pasted = paste_people(logits, boxes * scale, scores, small)
    scores = scores * mean_confidence(pasted, len(scores))
    if small == size:
        return pasted, scores
    maps = [
        cv2.resize(values, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        for values in (pasted.parsing, pasted.instances, pasted.confidence)
    ]
    layers = maps[0].astype(np.uint8), maps[1].astype(np.uint16), maps[2].astype(np.uint8)
    return Pasted(*layers), scores


@contextmanager
def _timed(timings: MutableMapping[str, float], name: str) -> Iterator[None]:
    start = perf_counter()
    yield
    timings[name] = timings.get(name, 0.0) + perf_counter() - start
