"""Persons of a photo as a network finds them, before anything is parsed: boxes, faces, padding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from peopleparse.inference.engine import Engine, Floats, Trunk
from peopleparse.inference.pipeline import (
    ROI_MARGIN,
    Options,
    find_people,
    fit_image,
    grow_boxes,
    long_side_of,
)
from peopleparse.nn.adjusted_roi_align import adjust_boxes


@dataclass(frozen=True, eq=False)
class FoundPeople:
    """Persons of one photo; all boxes in pixels of the photo as the network sees it.

    Attributes:
        trunk: what the network says about the photo.
        size: (height, width) of the photo in `seen`; the rest is padding.
        seen: (h, w) of the network's input.
        boxes: (N, 4) that persons are parsed in.
        scores: (N,).
        faces: (N, 4) major faces; has_face: (N,) bool.
    """

    trunk: Trunk
    size: tuple[int, int]
    seen: tuple[int, int]
    boxes: Floats
    scores: Floats
    faces: Floats
    has_face: NDArray[np.bool_]

    def scale(self, image: NDArray[np.uint8]) -> Floats:
        """Return (4,) what a box is multiplied with to be in pixels of the photo itself."""
        height, width = image.shape[:2]
        return np.array([width / self.size[1], height / self.size[0]] * 2, np.float32)

    def adjusted(self, anchor: tuple[float, float]) -> Floats:
        """Return (N, 4) the boxes padded so that faces lie at the anchor."""
        boxes, faces = torch.from_numpy(self.boxes), torch.from_numpy(self.faces)
        return adjust_boxes(boxes, faces, torch.from_numpy(self.has_face), anchor).numpy()


def find_photo_people(
    engine: Engine, image: NDArray[np.uint8], options: Options | None, long_side: int | None
) -> FoundPeople:
    """Find the persons of a photo as `inference.parse_image` does.

    Args:
        engine: the network.
        image: (H, W, 3) uint8 RGB.
        options: None for the defaults.
        long_side: pixels that the photo is scaled to; None for what the options say.
    """
    options = options or Options()
    long_side = long_side or long_side_of(engine.long_sides, options)
    canvas, size = fit_image(image, long_side, engine.stride)
    trunk = engine.trunk(canvas)
    boxes, scores, faces, has_face = find_people(trunk, size, options, engine.calibration)
    seen = (canvas.shape[0], canvas.shape[1])
    boxes = grow_boxes(boxes, ROI_MARGIN)
    return FoundPeople(trunk, size, seen, boxes, scores, faces, has_face)
