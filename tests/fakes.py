"""Stand-ins that need no weights: drawn people, and an engine that sees them by their colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.inference.calibration import Calibration
from peopleparse.inference.engine import LONG_SIDES, Trunk

# Saturated colours of some GPS ids; everything dull is background (grey padding, white, black).
COLORS: Mapping[int, tuple[int, int, int]] = {
    2: (200, 120, 0),  # hair
    4: (220, 0, 0),  # upper clothes
    6: (0, 0, 220),  # pants
    9: (0, 200, 200),  # left shoe
    10: (220, 0, 220),  # right shoe
    11: (0, 200, 0),  # face
}
# Rows of a drawn person, as fractions of its height.
_ROWS = ((0.0, 0.1, 2), (0.1, 0.25, 11), (0.25, 0.55, 4), (0.55, 0.9, 6))
LABELS_OF_A_PERSON = {"hair", "face", "upper clothes", "pants", "left shoe", "right shoe"}


def draw_people(
    size: tuple[int, int], boxes: Sequence[tuple[int, int, int, int]], ground: int = 255
) -> NDArray[np.uint8]:
    """Draw people as stacked blocks of colour, (H, W, 3) uint8; boxes are x1, y1, x2, y2."""
    image = np.full((*size, 3), ground, np.uint8)
    for x1, y1, x2, y2 in boxes:
        tall, middle = y2 - y1, (x1 + x2) // 2
        for top, bottom, label in _ROWS:
            image[y1 + round(top * tall) : y1 + round(bottom * tall), x1:x2] = COLORS[label]
        shoes = slice(y1 + round(0.9 * tall), y2)
        # The person looks at us: the left shoe is on our right.
        image[shoes, x1:middle], image[shoes, middle:x2] = COLORS[10], COLORS[9]
    return image


class FakeEngine:
    """Sees each connected patch of saturated colour as one person with the parts of its colours."""

    name, scheme, stride = "fake", "gps", 16
    precision, description = "f32", "fake"
    long_sides, calibration = LONG_SIDES, Calibration()

    def __init__(self, cell: int = 8, grid: int = 64) -> None:
        self.cell, self.grid = cell, grid
        self.calls: list[int] = []

    def trunk(self, image: NDArray[np.uint8]) -> Trunk:
        """Put one peak on the middle of each person and of each face."""
        assert image.dtype == np.uint8 and image.shape[2] == 3
        assert image.shape[0] % self.stride == 0 and image.shape[1] % self.stride == 0
        ids = see_labels(image)
        patches = _components(ids > 0)
        person_heat, person_boxes = self._peaks(patches)
        face_heat, face_boxes = self._peaks(_components(ids == 11))
        logits = np.eye(20, dtype=np.float32)[ids[:: self.cell, :: self.cell]].transpose(2, 0, 1)
        seen = {"ids": ids, "patches": patches}
        return Trunk(person_heat, person_boxes, face_heat, face_boxes, logits, seen)

    def rois(
        self, trunk: Trunk, boxes: NDArray, faces: NDArray, has_face: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Sample the labels of the patch that fills most of each box."""
        assert len(boxes) == len(faces) == len(has_face) > 0
        self.calls.append(len(boxes))
        return np.stack([self._roi(trunk, box) for box in boxes])

    def _roi(self, trunk: Trunk, box: NDArray) -> NDArray[np.float32]:
        ids, patches = trunk.tensors["ids"], trunk.tensors["patches"]
        steps = (np.arange(self.grid) + 0.5) / self.grid
        xs = (box[0] + steps * (box[2] - box[0])).astype(int).clip(0, ids.shape[1] - 1)
        ys = (box[1] + steps * (box[3] - box[1])).astype(int).clip(0, ids.shape[0] - 1)
        seen, whose = ids[np.ix_(ys, xs)], patches[np.ix_(ys, xs)]
        own = np.bincount(whose[whose > 0], minlength=2).argmax()
        seen = np.where(whose == own, seen, 0)
        return np.eye(20, dtype=np.float32)[seen].transpose(2, 0, 1) * 8 - 4

    def _peaks(self, patches: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        height, width = (side // self.cell for side in patches.shape)
        heat, boxes = np.zeros((height, width), np.float32), np.zeros((4, height, width), "f4")
        for number in range(1, patches.max() + 1):
            ys, xs = np.nonzero(patches == number)
            if len(ys) < 12:  # blurred seams
                continue
            box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
            x, y = int(box[[0, 2]].mean() // self.cell), int(box[[1, 3]].mean() // self.cell)
            heat[y, x], boxes[:, y, x] = 0.95 - 0.01 * number, box
        return heat, boxes


def see_labels(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the (H, W) GPS ids whose colours are nearest; 0 where the colour is dull."""
    ids = np.array([0, *COLORS], np.uint8)
    colors = np.array([(0, 0, 0), *COLORS.values()], np.int32)
    distance = ((image[:, :, None].astype(np.int32) - colors) ** 2).sum(axis=-1)  # (H, W, L)
    dull = np.ptp(image.astype(np.int32), axis=2) < 100
    return np.where(dull, 0, ids[1:][distance[:, :, 1:].argmin(axis=2)]).astype(np.uint8)


def _components(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[1]
