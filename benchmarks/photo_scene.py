"""The photo of benchmarks/photo.py: 640 x 480, five people, their boxes known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import BenchmarkError

PERSONS = 5
WIDTH, HEIGHT = 640, 480
JPEG_QUALITY = 90
_MOST_TRIES = 200


@dataclass(frozen=True)
class Photo:
    """An encoded photo and the boxes of its people.

    Attributes:
        jpeg: encoded bytes.
        boxes: x1, y1, x2, y2 of each person.
        kind: "composed val scene" or "drawn scene".
        photo_ids: source photos of the people, if composed.
    """

    jpeg: bytes
    boxes: list[list[float]]
    kind: str
    photo_ids: tuple[str, ...] = ()


def make_photo(data: Path | None, seed: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Photo:
    """Compose a val scene where there is real data, draw one where there is none.

    Args:
        data: folder with ccp/ and backgrounds/.
        seed: names the scene.
        size: height and width in pixels.

    Raises:
        BenchmarkError: no composed scene of this seed has five people.
    """
    if data is None:
        from peopleparse.viz import draw_scene

        drawn = draw_scene(PERSONS, size, seed)
        assert drawn.image is not None
        return Photo(_encode(drawn.image), [p.box.tolist() for p in drawn.people], "drawn scene")
    from peopleparse.data.people import read_backgrounds, read_portraits
    from peopleparse.data.scenes import INDOOR, SceneMaker

    maker = SceneMaker(
        read_portraits(data / "ccp", "val"), read_backgrounds(data / "backgrounds", "val")
    )
    for index in range(_MOST_TRIES):
        scene = maker.make((seed, index), INDOOR, size[1], size[0])
        boxes = scene.annotation.boxes
        if len(boxes) == PERSONS and not overlaps(boxes.tolist()):
            return Photo(
                _encode(scene.image), boxes.tolist(), "composed val scene", scene.photo_ids
            )
    raise BenchmarkError(
        f"one of {_MOST_TRIES} scenes must have {PERSONS} people apart from each other, got none. "
        "Choose another --seed."
    )


def overlaps(boxes: Sequence[Sequence[float]], most: float = 0.5) -> bool:
    """Tell whether two boxes overlap so much that one may be taken for a double of the other.

    >>> overlaps([[0, 0, 10, 10], [0, 0, 10, 9]]), overlaps([[0, 0, 10, 10], [8, 0, 18, 10]])
    (True, False)
    """
    for index, (x1, y1, x2, y2) in enumerate(boxes):
        for a1, b1, a2, b2 in boxes[:index]:
            common = max(0, min(x2, a2) - max(x1, a1)) * max(0, min(y2, b2) - max(y1, b1))
            union = (x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - common
            if common > most * union:
                return True
    return False


def _encode(image: NDArray[np.uint8]) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
