"""A network that knows what is worn in the photo: it cannot draw what is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from peopleparse.inference.engine import Engine, Floats, Trunk


class TaggedEngine:
    """An engine whose part logits are moved by a fixed amount for each label.

    Args:
        engine: the network.
        added: (C,) float32, see `peopleparse.data.pseudo_labels.tag_logits`. Partners of a flip
            must be moved alike.
    """

    def __init__(self, engine: Engine, added: NDArray[np.float32]) -> None:
        self.engine, self.added = engine, added
        self.name, self.scheme, self.stride = engine.name, engine.scheme, engine.stride
        self.long_sides, self.precision = engine.long_sides, engine.precision
        self.calibration = engine.calibration
        self.description = f"{engine.description}, garments known"

    def trunk(self, image: NDArray[np.uint8]) -> Trunk:
        """Look at a whole photo."""
        return self.engine.trunk(image)

    def rois(
        self, trunk: Trunk, boxes: Floats, faces: Floats, has_face: NDArray[np.bool_]
    ) -> Floats:
        """Parse the people in some boxes."""
        logits = self.engine.rois(trunk, boxes, faces, has_face)
        return np.asarray(logits + self.added[:, None, None], np.float32)
