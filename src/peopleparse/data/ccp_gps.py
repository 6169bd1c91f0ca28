"""Clothing Co-Parsing to GPS parts: skin, legwear and shoes split by geometry.

The garment labels do not say where skin belongs nor which shoe is left. These photos show one
upright person, so position decides. All lengths are shares of the body height, which is read off
the map (head to shoes), or from the head where the feet are cut off.

1. Small jewellery takes the nearest other label.
2. Face: skin of a component that touches hair, hat or glasses, inside the head zone; and the neck,
   which is skin below it between head and collar.
3. Legs: other skin low down; everything else that is skin, and gloves: arms.
4. Left and right: by the side of a body axis that runs from the head over the trunk to the middle
   between the shoes. The person's left is on the image's right. Of two shoes or two legs, the one
   further right in the image is the left one, whatever the axis says.
5. Nobody's face found below hair: the person looks away; sides are then swapped.

Known failures: crossed legs, one arm across the body, persons turned sideways; see the docs.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import DataError
from peopleparse.labels import get_scheme, get_translation

Mask = NDArray[np.bool_]

# Shares of the body height. The head with neck takes the top 0.19 (a head is about 1/7.5).
HEAD_DEPTH, HEAD_HALF_WIDTH = 0.19, 0.10
NECK_DEPTH, NECK_HALF_WIDTH = 0.27, 0.065
HIP, LOW_SKIN_TOP, LEG_BOTTOM = 0.53, 0.60, 0.70


@dataclass(frozen=True)
class Body:
    """Measures of one upright person, in pixels.

    Attributes:
        top: row of the top of the head.
        height: from the top of the head to the soles, estimated where these are not in view.
        head_x: column of the head.
        axis: (H,) float, column of the body axis in each row.
    """

    top: float
    height: float
    head_x: float
    axis: NDArray[np.float64]

    def row(self, share: float) -> float:
        """Return the row at a share of the height below the top of the head."""
        return self.top + share * self.height


def convert_garments(garments: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the GPS parts of one Clothing Co-Parsing map.

    Args:
        garments: (H, W) uint8 ids of scheme ccp; one person.

    Returns:
        (H, W) uint8 ids of scheme gps.

    Raises:
        DataError: the map shows nobody.
    """
    gps, table = get_scheme("gps"), get_translation("ccp", "gps")
    group = {name: _mask_of(garments, name) for name in ("skin", "shoe", "leg", "arm", "around")}
    parsing = table.lookup()[garments]
    parsing = _fill_from_neighbours(parsing, group["around"])
    if not parsing.any():
        raise DataError(
            "garment map must show a person, got background or jewellery only. Leave it out."
        )
    body = _measure_body(parsing, group["shoe"])

    face, arms, legs = _split_skin(parsing, group["skin"], body)
    arms |= group["arm"]
    legs |= group["leg"]
    parsing[face] = gps.id_of("face")
    _paint_sides(parsing, group["shoe"], body, "shoe", pair=True)
    _paint_sides(parsing, legs, body, "leg", pair=True)
    _paint_sides(parsing, arms, body, "arm", pair=False)
    if looks_away(parsing):
        parsing = gps.flip_table()[parsing]
    return parsing


def looks_away(parsing: NDArray[np.uint8]) -> bool:
    """Tell whether a GPS map shows hair without a face: the person is seen from the back."""
    gps = get_scheme("gps")
    hair = int((parsing == gps.id_of("hair")).sum())
    face = int((parsing == gps.id_of("face")).sum() + (parsing == gps.id_of("sunglasses")).sum())
    return hair > 0 and face < 0.06 * hair


def _mask_of(garments: NDArray[np.uint8], group: str) -> Mask:
    ids = [i for i, name in get_translation("ccp", "gps").groups.items() if name == group]
    return np.isin(garments, ids)


def _fill_from_neighbours(parsing: NDArray[np.uint8], hole: Mask) -> NDArray[np.uint8]:
    """Give every pixel of `hole` the label of the nearest pixel outside it."""
    if not hole.any():
        return parsing
    _, nearest = cv2.distanceTransformWithLabels(
        hole.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    # OpenCV numbers the zero pixels; look up which label each number stands for.
    label_of = np.zeros(int(nearest.max()) + 1, np.uint8)
    label_of[nearest[~hole]] = parsing[~hole]
    return np.where(hole, label_of[nearest], parsing)


def _measure_body(parsing: NDArray[np.uint8], shoes: Mask) -> Body:
    ys = np.flatnonzero((parsing > 0).any(axis=1))
    top, bottom = float(ys[0]), float(ys[-1] + 1)
    head = _any_of(parsing, "hair", "hat", "sunglasses")
    trunk = _any_of(parsing, "upper clothes", "dress")
    if head.any():
        top = float(np.flatnonzero(head.any(axis=1))[0])
    height = bottom - top
    feet_in_view = shoes.any() and bottom < parsing.shape[0] - 2
    if not feet_in_view and head.any() and trunk.any():
        # Clothes begin at the neck, 0.16 below the top of the head.
        neck = float(np.percentile(np.nonzero(trunk)[0], 1))
        height = max(height, (neck - top) / 0.16)
    head_x = float(np.median(np.nonzero(head if head.any() else parsing > 0)[1]))
    return Body(top, height, head_x, _body_axis(parsing, shoes, trunk, head_x, top, height))


def _body_axis(
    parsing: NDArray[np.uint8], shoes: Mask, trunk: Mask, head_x: float, top: float, height: float
) -> NDArray[np.float64]:
    lower = _any_of(parsing, "skirt", "pants", "dress")
    points = [(top, head_x)]
    for mask, share in ((trunk, 0.3), (lower, 0.5)):
        if mask.any():
            points.append((top + share * height, float(np.median(np.nonzero(mask)[1]))))
    if shoes.any():
        xs = np.nonzero(shoes)[1]
        points.append((top + height, (float(xs.min()) + float(xs.max())) / 2))
    rows, columns = zip(*points, strict=True)
    return np.interp(np.arange(parsing.shape[0]), rows, columns)


def _split_skin(parsing: NDArray[np.uint8], skin: Mask, body: Body) -> tuple[Mask, Mask, Mask]:
    """Return face, arms and legs of the skin."""
    head = _any_of(parsing, "hair", "hat", "sunglasses")
    near_head = cv2.dilate(head.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    rows, columns = np.indices(skin.shape)
    zone = (rows < body.row(HEAD_DEPTH)) & (
        np.abs(columns - body.head_x) < HEAD_HALF_WIDTH * body.height
    )
    face, arms, legs = (np.zeros_like(skin) for _ in range(3))
    for part, _ in _components(skin):
        if (part & near_head).any() or not head.any():
            face |= part & zone
    neck_zone = (rows < body.row(NECK_DEPTH)) & (
        np.abs(columns - body.head_x) < NECK_HALF_WIDTH * body.height
    )
    for part, part_rows in _components(skin & ~face):
        if (part & neck_zone).sum() > 0.6 * part.sum():
            face |= part
        elif part_rows.min() > body.row(LOW_SKIN_TOP):
            legs |= part
        elif part_rows.max() > body.row(LEG_BOTTOM):
            # Hands that touch bare legs: the hip parts them.
            below = part & (rows > body.row(HIP))
            legs |= below
            arms |= part & ~below
        else:
            arms |= part
    return face, arms, legs


def _components(mask: Mask) -> list[tuple[Mask, NDArray[np.int64]]]:
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    parts = [labels == i for i in range(1, count)]
    return [(part, np.nonzero(part)[0]) for part in parts]


def _paint_sides(parsing: NDArray[np.uint8], mask: Mask, body: Body, name: str, pair: bool) -> None:
    """Paint `left <name>` and `right <name>` into the map; the left one is on the image's right."""
    if not mask.any():
        return
    columns = np.arange(mask.shape[1])[None, :]
    on_right = columns > body.axis[:, None]  # (H, W) right side of the image: the person's left
    parts = [part for part, _ in _components(mask)]
    areas = [int(part.sum()) for part in parts]
    large = sorted(
        (i for i in range(len(parts)) if areas[i] > 0.2 * max(areas)), key=lambda i: -areas[i]
    )
    left = np.zeros_like(mask)
    if pair and len(large) >= 2:
        left = _split_pair(parts, large)
    else:
        for part in parts:
            share = float((part & on_right).sum()) / float(part.sum())
            if share > 0.75:
                left |= part
            elif share >= 0.25:
                left |= part & on_right
    gps = get_scheme("gps")
    parsing[mask] = gps.id_of(f"right {name}")
    parsing[left] = gps.id_of(f"left {name}")


def _split_pair(parts: list[Mask], large: list[int]) -> Mask:
    """Of the two largest components the one further right is left; the others join the nearer."""
    centres = [float(np.median(np.nonzero(part)[1])) for part in parts]
    first, second = sorted(large[:2], key=lambda i: centres[i])
    left = np.zeros_like(parts[0])
    middle = (centres[first] + centres[second]) / 2
    for i, part in enumerate(parts):
        if i == second or (i != first and centres[i] > middle):
            left |= part
    return left


def _any_of(parsing: NDArray[np.uint8], *names: str) -> Mask:
    gps = get_scheme("gps")
    return np.isin(parsing, [gps.id_of(name) for name in names])
