"""A photo in, every person and every part out: the steps between read_image and ParsedPeople."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, suggest
from peopleparse.inference.calibration import NONE, Calibration
from peopleparse.inference.detect import find_boxes, major_faces
from peopleparse.inference.engine import Engine, Floats, Trunk
from peopleparse.inference.reject import reject_parts
from peopleparse.inference.result import Likely, make_result, paste_at_most
from peopleparse.inference.tiles import (
    LARGEST_UPSCALE,
    Window,
    check_tiles,
    merge_tiles,
    tile_windows,
)
from peopleparse.inference.views import (
    average_logits,
    check_scales,
    merge_boxes,
    mirror_boxes,
    mirror_logits,
)
from peopleparse.labels import Scheme, get_scheme
from peopleparse.structures import ParsedPeople
from peopleparse.transforms.geometry import flip_image

# How far a person's grid reaches beyond the detected box, in box sides: a box a little too small
# must not cut a hand off. Training draws its boxes the same way.
ROI_MARGIN = 0.05
ROIS_A_CALL = 16
_PADDING = 127
# Of the least heat, in one view of several: who is faint in one may be clear in another.
_FAINT = 0.5
LEAST_FACE = 0.2
# A score that is the threshold to the last bit must not be lost to rounding.
_SLACK = 1 - 1e-6


# Logits of each person, then boxes, scores, faces and has_face, in pixels of the photo.
_Seen = tuple[list[Floats], Floats, Floats, Floats, NDArray[np.bool_]]


@dataclass(frozen=True)
class Options:
    """What a user may choose about parsing one photo.

    Attributes:
        detail: name of the size that the network sees: fast, normal or fine.
        threshold: lowest score of a person, 0 to 1. Who has a lower one is left out, and the
            pixels go to whoever else asks for them.
        nms_iou: of two boxes that overlap by more than this the better one stays, 0 to 1.
        max_people: the best so many people are parsed.
        long_side: of the photo as the network sees it, in pixels, in place of what detail means.
        scales: the photo is looked at in each of these sizes, 1 being that of the detail.
        flip: look at it mirrored, too. What all views say is averaged.
        tiles: for crowds: look at n x n overlapping tiles of the photo, too; see `tile_windows`.
            Each person is parsed where seen largest. All views are in memory at once.
        reject: parts whose mean confidence is lower are left out, 0 to 1; 0 keeps all.
        least_heat: lowest probability of the detector for a person or face to be looked at, 0 to
            1. None: .2 for faces, and for persons what can still reach the threshold.
    """

    detail: str = "normal"
    threshold: float = 0.2
    nms_iou: float = 0.6
    max_people: int = 100
    long_side: int | None = None
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    tiles: int = 1
    reject: float = 0.0
    least_heat: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            InputError: a number is out of its range.
        """
        check_scales(self.scales)
        check_tiles(self.tiles)
        for name in ("threshold", "nms_iou", "reject", "least_heat"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
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

    Nothing is kept from one call to the next: several threads may parse at the same time wherever
    the engine's two calls allow it.

    Args:
        engine: the network.
        image: (H, W, 3) uint8 RGB, upright; see `read_image`.
        options: detail, thresholds; None for the defaults.
        source: where the photo came from, for the result.
        timings: seconds are added here under resize, trunk, detect, rois and paste.

    Returns:
        The result at the size of the photo. A person's score is the detector's times the mean
        confidence of the person's pixels, made a probability by the engine's calibration.
        Confidence is 255 * sigmoid of the owner's best
        part against background, and 0 where nobody is.

    Raises:
        InputError: the engine does not know the detail.
        SchemeError: `flip` is asked for and the engine's scheme does not name flip partners.
    """
    options = options or Options()
    clock: MutableMapping[str, float] = {} if timings is None else timings
    one_view = options.scales == (1,) and not options.flip and options.tiles == 1
    see = _see_once if one_view else _see_views
    logits, boxes, scores, faces, has_face = see(engine, image, options, clock)
    with _timed(clock, "paste"):
        height, width = image.shape[:2]
        likely = Likely(options.threshold, engine.calibration)
        pasted = paste_at_most(logits, boxes, scores, (height, width), likely)
        found = [
            face if found else None for face, found in zip(faces, has_face.tolist(), strict=True)
        ]
        scheme = get_scheme(engine.scheme)
        result = make_result(pasted, scores, found, image, scheme, source, likely)
        return reject_parts(result, options.reject) if options.reject else result


def _see_once(
    engine: Engine, image: NDArray[np.uint8], options: Options, clock: MutableMapping[str, float]
) -> _Seen:
    with _timed(clock, "resize"):
        canvas, size = fit_image(image, long_side_of(engine.long_sides, options), engine.stride)
    with _timed(clock, "trunk"):
        trunk = engine.trunk(canvas)
    with _timed(clock, "detect"):
        boxes, scores, faces, has_face = find_people(trunk, size, options, engine.calibration)
    with _timed(clock, "rois"):
        boxes = grow_boxes(boxes, ROI_MARGIN)
        logits = _parse_boxes(engine, trunk, boxes, faces, has_face)
    scale = _to_photo(image, size)
    return logits, boxes * scale, scores, faces * scale, has_face


@dataclass(frozen=True)
class _View:
    """One look at a photo or a tile of it, mirrored or not.

    Attributes:
        trunk: what the network says.
        size: height and width of the photo in the canvas.
        to_photo: (4,) by which boxes are multiplied to have the scale of the photo.
        window: the part of the photo that was looked at.
        scale, flip: how.
    """

    trunk: Trunk
    size: tuple[int, int]
    to_photo: Floats
    window: Window
    scale: float
    flip: bool

    def to_photo_boxes(self, boxes: Floats) -> Floats:
        """Return (N, 4) boxes of the canvas as they lie in the photo."""
        boxes = boxes * self.to_photo
        if self.flip:
            boxes = mirror_boxes(boxes, self.window.width)
        return boxes + self._corner()

    def from_photo_boxes(self, boxes: Floats) -> Floats:
        """Return (N, 4) boxes of the photo as they lie in the canvas."""
        boxes = boxes - self._corner()
        return (mirror_boxes(boxes, self.window.width) if self.flip else boxes) / self.to_photo

    def _corner(self) -> Floats:
        return np.array([self.window.left, self.window.top] * 2, np.float32)


def _see_views(
    engine: Engine, image: NDArray[np.uint8], options: Options, clock: MutableMapping[str, float]
) -> _Seen:
    """Look at a photo in several sizes, mirrored too or not, and at tiles of it or not.

    See docs/decisions/008 for the views, and `merge_tiles` for the tiles.
    """
    scheme = get_scheme(engine.scheme)
    if options.flip:
        scheme.flip_table()  # refuses here, before any work
    windows = tile_windows((image.shape[0], image.shape[1]), options.tiles)
    looks = [
        (scale, flip) for scale in options.scales for flip in (False, True)[: 1 + options.flip]
    ]
    seen = [
        [_look(engine, image, window, look, options, clock) for look in looks] for window in windows
    ]
    with _timed(clock, "detect"):
        least = least_heats(options, engine.calibration)
        boxes, scores, whose = _find_things(seen, "person", options.nms_iou, least[0])
        most = slice(options.max_people)
        boxes, scores, whose = boxes[most], scores[most], whose[most]
        faces, has_face = major_faces(
            boxes, _find_things(seen, "face", options.nms_iou, least[1])[0]
        )
    with _timed(clock, "rois"):
        boxes = grow_boxes(boxes, ROI_MARGIN)
        logits: list[Floats | None] = [None] * len(boxes)
        for number in np.unique(whose).tolist():
            own = np.flatnonzero(whose == number)
            people = boxes[own], faces[own], has_face[own]
            parsed = _parse_views(engine, seen[number], *people, scheme)
            for index, grid in zip(own.tolist(), parsed, strict=True):
                logits[index] = grid
        return [grid for grid in logits if grid is not None], boxes, scores, faces, has_face


def _look(
    engine: Engine,
    image: NDArray[np.uint8],
    window: Window,
    look: tuple[float, bool],
    options: Options,
    clock: MutableMapping[str, float],
) -> _View:
    scale, flip = look
    left, top, width, height = window
    with _timed(clock, "resize"):
        part = image[top : top + height, left : left + width]
        long_side = long_side_of(engine.long_sides, options)
        canvas, size = fit_image(
            flip_image(part) if flip else part, long_side, engine.stride, scale
        )
    with _timed(clock, "trunk"):
        trunk = engine.trunk(canvas)
    return _View(trunk, size, _to_photo(part, size), window, scale, flip)


def _find_things(
    seen: list[list[_View]], what: Literal["person", "face"], nms_iou: float, least: float
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Return boxes (N, 4) in the photo and scores (N,), best first, and each one's window, (N,)."""
    faint = least * (_FAINT if len(seen[0]) > 1 else 1)
    found = []
    for views in seen:
        of_views = []
        for view in views:
            heat: Floats = getattr(view.trunk, f"{what}_heat")
            cells: Floats = getattr(view.trunk, f"{what}_boxes")
            boxes, scores = find_boxes(heat, cells, view.size, faint, nms_iou)
            of_views.append((view.to_photo_boxes(boxes), scores))
        found.append(merge_boxes(of_views, nms_iou, least))
    zooms = [1 / float(views[0].to_photo.max()) for views in seen]
    return merge_tiles(found, [views[0].window for views in seen], zooms, nms_iou)


def _parse_views(
    engine: Engine,
    views: list[_View],
    boxes: Floats,
    faces: Floats,
    has_face: NDArray[np.bool_],
    scheme: Scheme,
) -> list[Floats]:
    """Parse some people of the photo, (N, 4) boxes, in each view, and average what they say."""
    grids: dict[float, list[Floats]] = {view.scale: [] for view in views}
    for view in views:
        own, own_faces = view.from_photo_boxes(boxes), view.from_photo_boxes(faces)
        logits = np.stack(_parse_boxes(engine, view.trunk, own, own_faces, has_face))
        grids[view.scale].append(mirror_logits(logits, scheme) if view.flip else logits)
    return list(logits if len(views) == 1 else average_logits([*grids.values()]))


def _to_photo(image: NDArray[np.uint8], size: tuple[int, int]) -> Floats:
    """Return what boxes in a fitted photo of a size are multiplied by, (4,)."""
    height, width = image.shape[:2]
    return np.array([width / size[1], height / size[0]] * 2, np.float32)


def fit_image(
    image: NDArray[np.uint8], long_side: int, stride: int, factor: float = 1.0
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Scale a photo to a long side and pad it to a multiple of the stride.

    A small photo is enlarged at most twice. Padding is grey, at the bottom and at the right.

    Args:
        image: (H, W, 3) uint8 RGB.
        long_side: of the result without padding, in pixels.
        stride: both sides of the padded result are multiples of it.
        factor: of the size that all this gives.

    Returns:
        The padded (h, w, 3) uint8 photo, and the height and width of the photo in it.
    """
    height, width = image.shape[:2]
    scale = min(long_side / max(height, width), LARGEST_UPSCALE) * factor
    size = max(1, round(height * scale)), max(1, round(width * scale))
    if size != (height, width):
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, size[::-1], interpolation=method), np.uint8)
    padded = [math.ceil(side / stride) * stride for side in size]
    canvas = np.full((*padded, 3), _PADDING, np.uint8)
    canvas[: size[0], : size[1]] = image
    return canvas, size


def least_heats(options: Options, calibration: Calibration) -> tuple[float, float]:
    """Return the lowest probabilities of the detector for a person and for a face.

    A person's score is never above that of the detector, so that one who is cut off here could not
    have reached the threshold.
    """
    if options.least_heat is not None:
        return options.least_heat, options.least_heat
    return calibration.inverse(options.threshold) * _SLACK, LEAST_FACE


def find_people(
    trunk: Trunk, size: tuple[int, int], options: Options, calibration: Calibration = NONE
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Return boxes (N, 4), scores (N,), faces (N, 4) and has_face (N,), best person first."""
    person, face = least_heats(options, calibration)
    boxes, scores = find_boxes(trunk.person_heat, trunk.person_boxes, size, person, options.nms_iou)
    boxes, scores = boxes[: options.max_people], scores[: options.max_people]
    face_boxes, _ = find_boxes(trunk.face_heat, trunk.face_boxes, size, face, options.nms_iou)
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


@contextmanager
def _timed(timings: MutableMapping[str, float], name: str) -> Iterator[None]:
    start = perf_counter()
    yield
    timings[name] = timings.get(name, 0.0) + perf_counter() - start
