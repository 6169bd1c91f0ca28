"""What a network must offer to the pipeline, whichever library runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from peopleparse.inference.calibration import Calibration

Floats = NDArray[np.float32]

# Long side in pixels that a photo is scaled to before the network sees it.
LONG_SIDES: Mapping[str, int] = MappingProxyType({"fast": 384, "normal": 512, "fine": 768})


@dataclass(frozen=True)
class Trunk:
    """What the network says about a whole photo.

    Attributes:
        person_heat: (h, w) float32 probability that a person is centred in the cell.
        person_boxes: (4, h, w) float32 x1, y1, x2, y2 in input pixels, predicted at each cell.
        face_heat: (h, w) float32, the same for faces.
        face_boxes: (4, h, w) float32, the same for faces.
        global_logits: (C, h', w') float32, parts of the whole photo.
        tensors: inputs that `rois` wants back; opaque to everyone else.
    """

    person_heat: Floats
    person_boxes: Floats
    face_heat: Floats
    face_boxes: Floats
    global_logits: Floats
    tensors: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Engine(Protocol):
    """A network behind two calls: once a photo, then once for each group of its people.

    Attributes:
        name: what the network is called.
        scheme: label scheme of its channels.
        stride: input height and width must be multiples of this.
        long_sides: long side in pixels by the name of the detail.
        precision: of the numbers it calculates with: f32, bf16 or int8.
        calibration: turns a person's score into a probability.
    """

    name: str
    scheme: str
    stride: int
    long_sides: Mapping[str, int]
    precision: str
    calibration: Calibration

    @property
    def description(self) -> str:
        """Library, precision and threads in words, for people."""
        ...

    def trunk(self, image: NDArray[np.uint8]) -> Trunk:
        """Look at a whole photo, (H, W, 3) uint8 RGB, H and W multiples of `stride`."""
        ...

    def rois(
        self, trunk: Trunk, boxes: Floats, faces: Floats, has_face: NDArray[np.bool_]
    ) -> Floats:
        """Parse the people in some boxes of a photo.

        Args:
            trunk: what `trunk` returned for the photo.
            boxes: (K, 4) float32 person boxes in input pixels, K at least 1.
            faces: (K, 4) float32 their major faces; any values where there is none.
            has_face: (K,) bool.

        Returns:
            (K, C, GH, GW) float32 part logits on the grid of the real person box: cell i of a
            row lies at (i + .5) / GW of the box's width.
        """
        ...
