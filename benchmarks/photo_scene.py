"""The photos of the benchmarks: 640 x 480 with five people, or other sizes and numbers of people.

The boxes of the people are known. More than five people are several scenes side by side, in rows.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

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


# A picture, the boxes of its people and their source photos.
Scene: TypeAlias = tuple[NDArray[np.uint8], list[list[float]], tuple[str, ...]]
Maker: TypeAlias = Callable[[int, int, int, int], Scene]  # number of the scene, persons, h, w


def make_photo(
    data: Path | None, seed: int, size: tuple[int, int] = (HEIGHT, WIDTH), persons: int = PERSONS
) -> Photo:
    """Compose val scenes where there is real data, draw them where there is none.

    Args:
        data: folder with ccp/ and backgrounds/.
        seed: names the scenes.
        size: height and width in pixels.
        persons: how many people.

    Raises:
        BenchmarkError: no composed scene of this seed has so many people.
    """
    make = _drawn_scene(seed) if data is None else _composed_scene(data, seed)
    kind = "drawn scene" if data is None else "composed val scene"
    image = np.zeros((*size, 3), np.uint8)
    boxes: list[list[float]] = []
    sources: tuple[str, ...] = ()
    for number, (rows, columns, count) in enumerate(_tiles(size, persons)):
        tile, own, photo_ids = make(
            number, count, rows.stop - rows.start, columns.stop - columns.start
        )
        image[rows, columns] = tile
        corner = np.array([columns.start, rows.start] * 2)
        boxes += (np.reshape(own, (-1, 4)) + corner).tolist()
        sources += photo_ids
    return Photo(_encode(image), boxes, kind, sources)


def describe_photo(photo: Photo) -> dict[str, Any]:
    """Return what a result says about its photo."""
    height, width = _decode(photo.jpeg).shape[:2]
    return {
        "kind": photo.kind,
        "width": width,
        "height": height,
        "persons": len(photo.boxes),
        "bytes": len(photo.jpeg),
        "sha256": hashlib.sha256(photo.jpeg).hexdigest(),
        "source_photos": list(photo.photo_ids),
    }


def enlarge_photo(photo: Photo, size: tuple[int, int], seed: int = 0) -> Photo:
    """Return a photo at another size, with the noise of a camera: its file grows as real ones do.

    Args:
        photo: of any size with the same shape.
        size: height and width in pixels.
        seed: of the noise.
    """
    image = _decode(photo.jpeg)
    scale = np.array([size[1] / image.shape[1], size[0] / image.shape[0]] * 2)
    resized = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    large = np.asarray(resized, np.uint8)
    noise = np.random.default_rng(seed).integers(-6, 7, (256, 256, 3), np.int16)
    rows, columns = (np.arange(side) % 256 for side in size)
    for start in range(0, size[0], 256):  # in strips: 24 megapixels of int16 are much
        strip = np.s_[start : start + 256]
        noisy = large[strip] + noise[rows[strip]][:, columns]
        large[strip] = noisy.clip(0, 255).astype(np.uint8)
    boxes = (np.array(photo.boxes) * scale).tolist()
    return Photo(_encode(large), boxes, f"{photo.kind}, enlarged", photo.photo_ids)


def _tiles(size: tuple[int, int], persons: int) -> Iterator[tuple[slice, slice, int]]:
    """Yield rows, columns and number of people of each scene in a photo."""
    side = math.ceil(math.sqrt(math.ceil(persons / PERSONS)))
    ends = [[n * length // side for n in range(side + 1)] for length in size]
    for number in range(side * side):
        row, column = divmod(number, side)
        rows = slice(ends[0][row], ends[0][row + 1])
        columns = slice(ends[1][column], ends[1][column + 1])
        count = (number + 1) * persons // side**2 - number * persons // side**2
        yield rows, columns, count


def _drawn_scene(seed: int) -> Maker:
    from peopleparse.viz import draw_scene

    def make(number: int, persons: int, height: int, width: int) -> Scene:
        drawn = draw_scene(persons, (height, width), seed + number)
        assert drawn.image is not None
        return drawn.image, [person.box.tolist() for person in drawn.people], ()

    return make


def _composed_scene(data: Path, seed: int) -> Maker:
    from peopleparse.data.people import read_backgrounds, read_portraits
    from peopleparse.data.scenes import INDOOR, SceneMaker

    maker = SceneMaker(
        read_portraits(data / "ccp", "val"), read_backgrounds(data / "backgrounds", "val")
    )

    def make(number: int, persons: int, height: int, width: int) -> Scene:
        for index in range(number * _MOST_TRIES, (number + 1) * _MOST_TRIES):
            scene = maker.make((seed, index), INDOOR, width, height)
            boxes = scene.annotation.boxes.tolist()
            if len(boxes) == persons and not overlaps(boxes):
                return scene.image, boxes, scene.photo_ids
        raise BenchmarkError(
            f"one of {_MOST_TRIES} scenes must have {persons} people apart from each other, got "
            "none. Choose another --seed."
        )

    return make


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


def _decode(jpeg: bytes) -> NDArray[np.uint8]:
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _encode(image: NDArray[np.uint8]) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
