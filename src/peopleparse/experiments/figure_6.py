"""Figure 6 of the GPS paper: person boxes before and after the adjustment, with faces marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from peopleparse.experiments.figure_inputs import Image, check_images
from peopleparse.experiments.figure_people import find_photo_people
from peopleparse.inference.engine import Engine, Floats
from peopleparse.inference.pipeline import Options
from peopleparse.models.gpsnet import GPSNet
from peopleparse.training.export import as_engine
from peopleparse.viz.palette import person_color
from peopleparse.viz.panels import (
    OUTSIDE,
    Panel,
    cut_box,
    draw_box,
    draw_dot,
    draw_panels,
    fit_panel,
    frame,
    join_row,
)

ANCHOR = (0.5, 0.2)
CUTS = 6  # persons of a photo that are cut out
_FEWEST_PLACES = 4  # for them: a single person must not fill a column
_GRID_SHAPE = 2.0  # height of a person's grid in widths, where no model tells
_WIDTH = 640
_LARGEST_RIM = 0.4  # photo sides shown around a photo for boxes that reach beyond it
_FACE, _LINE = (255, 255, 255), (17, 17, 17)
_FOOTER = (
    "One colour a person; white: the face and its centre. Below each photo its largest persons "
    "as the single-person parser gets them, stretched to its grid; the dotted cross is the place "
    "that faces are moved to, and their mean distance from it is in sides of the box. A person "
    "without a face keeps its box."
)


def draw_figure_6(
    model: Engine | GPSNet,
    images: Sequence[Image],
    *,
    options: Options | None = None,
    long_side: int | None = None,
) -> Image:
    """Draw the boxes of persons before (a) and after (b) the adjustment, with faces marked.

    Each photo has a row of the photo with all boxes, and a row of up to six persons cut out of it
    (the largest with a face), from left to right.

    Args:
        model: finds persons and faces: GPSNet, or an engine that runs one.
        images: (H, W, 3) uint8 RGB photos.
        options: thresholds of detection; None for the defaults.
        long_side: pixels that photos are scaled to; None for what the options say.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        InputError: there is no image, or one is no photo.

    Source: GPS paper, figure 6 and section 5.3.
    Differs: the photo around the boxes is shown as well.
    """
    check_images(images)
    anchor, shape = ANCHOR, _GRID_SHAPE
    if isinstance(model, GPSNet):
        anchor, shape = model.anchor, model.grid[0] / model.grid[1]
    engine = as_engine(model) if isinstance(model, GPSNet) else model
    found = [_find(engine, image, anchor, options, long_side) for image in images]
    places = max(_FEWEST_PLACES, *(len(people.chosen) for people in found))
    rows = []
    for image, people in zip(images, found, strict=True):
        both = people.boxes, people.adjusted
        rim = _rim(np.concatenate(both), image.shape[:2])
        rows.append([Panel(_draw_photo(image, boxes, people, rim)) for boxes in both])
        notes = [_describe(boxes, people, anchor) for boxes in both]
        cuts = [_draw_cuts(image, boxes, people, anchor, shape, places) for boxes in both]
        rows.append([Panel(cut, note) for cut, note in zip(cuts, notes, strict=True)])
    return draw_panels(rows, ("detected boxes", "adjusted boxes"), (), _FOOTER, width=_WIDTH)


@dataclass(frozen=True, eq=False)
class _People:
    """Persons of a photo from left to right, boxes in its pixels; those who are cut out."""

    boxes: Floats
    adjusted: Floats
    faces: Floats
    has_face: NDArray[np.bool_]
    chosen: list[int]


def _find(
    engine: Engine,
    image: Image,
    anchor: tuple[float, float],
    options: Options | None,
    long_side: int | None,
) -> _People:
    found = find_photo_people(engine, image, options, long_side)
    order = np.argsort(found.boxes[:, ::2].sum(axis=1), kind="stable")
    scale = found.scale(image)
    boxes, has_face = found.boxes[order] * scale, found.has_face[order]
    adjusted, faces = found.adjusted(anchor)[order] * scale, found.faces[order] * scale
    return _People(boxes, adjusted, faces, has_face, _choose(boxes, has_face))


def _places(boxes: Floats, faces: Floats) -> Floats:
    """Return (N, 2) where the centres of faces lie in their boxes, as shares of the box."""
    centres = (faces[:, :2] + faces[:, 2:]) / 2
    return (centres - boxes[:, :2]) / (boxes[:, 2:] - boxes[:, :2])


def _describe(boxes: Floats, people: _People, anchor: tuple[float, float]) -> str:
    count = int(people.has_face.sum())
    text = f"persons: {len(boxes)}, with a face: {count}"
    if count:
        places = _places(boxes[people.has_face], people.faces[people.has_face])
        distance = np.hypot(*(places - np.array(anchor, np.float32)).T).mean()
        text += f", mean distance from the cross: {distance:.2f}"
    return text


def _choose(boxes: Floats, has_face: NDArray[np.bool_]) -> list[int]:
    """Return the largest persons with a face, left to right."""
    areas = np.where(has_face, (boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 0)
    best = np.argsort(-areas, kind="stable")[: min(CUTS, int(has_face.sum()))]
    return sorted(best.tolist())


def _rim(boxes: Floats, size: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return how many pixels to show left, above, right and below of a photo."""
    height, width = size
    if not len(boxes):
        return 0, 0, 0, 0
    low, high = boxes.min(axis=0), boxes.max(axis=0)
    beyond = np.array([-low[0], -low[1], high[2] - width, high[3] - height]) + 0.01 * width
    most = _LARGEST_RIM * np.array([width, height, width, height])
    left, top, right, bottom = np.ceil(np.clip(beyond, 0, most)).astype(int).tolist()
    return left, top, right, bottom


def _draw_photo(
    image: Image, boxes: Floats, people: _People, rim: tuple[int, int, int, int]
) -> Image:
    left, top, right, bottom = rim
    pads = ((top, bottom), (left, right), (0, 0))
    wide = np.pad(image, pads, constant_values=OUTSIDE)
    picture = fit_panel(wide, _WIDTH).copy()
    scale, move = picture.shape[1] / wide.shape[1], np.array([left, top] * 2, np.float32)
    for number, box in enumerate((boxes + move) * scale, 1):
        draw_box(picture, box, person_color(number), 4)
    for face in ((people.faces + move) * scale)[people.has_face]:
        _mark_face(picture, face)
    return frame(picture)


def _draw_cuts(
    image: Image,
    boxes: Floats,
    people: _People,
    anchor: tuple[float, float],
    shape: float,
    places: int,
) -> Image:
    width = _WIDTH // places - 8
    height = round(shape * width)
    x, y = round(anchor[0] * width), round(anchor[1] * height)
    cuts = []
    for index in people.chosen:
        box = boxes[index]
        picture = cut_box(image, box, (height, width))
        picture[y, ::2], picture[::2, x] = _FACE, _FACE
        picture[y, 1::2], picture[1::2, x] = _LINE, _LINE
        corners = people.faces[index].reshape(2, 2) - box[:2]
        _mark_face(picture, (corners / (box[2:] - box[:2]) * [width, height]).ravel())
        picture[[0, 1, 2, -3, -2, -1]] = person_color(index + 1)
        picture[:, [0, 1, 2, -3, -2, -1]] = person_color(index + 1)
        cuts.append(picture)
    return join_row(cuts, height if cuts else 1, _WIDTH, places)


def _mark_face(picture: Image, face: NDArray[np.floating]) -> None:
    draw_box(picture, face, _FACE, 1)
    x1, y1, x2, y2 = (float(v) for v in face)
    draw_dot(picture, (x1 + x2) / 2, (y1 + y2) / 2, _FACE, 2)
