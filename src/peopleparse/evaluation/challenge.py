"""The Look into Person challenge's factors, told from the shape of the annotation.

Occlusion, full body, upper body, lower body, head missed and back view: the challenge's annotators
tagged them by eye, these rules read them off the maps of an image's persons.

Source: Look into Person (CVPR 2017), section 3.3, for the six names. Differs: rules, not eyes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.labels import Scheme
from peopleparse.metrics.factors import regions_of

SHOWN = 0.002  # of a person's pixels: a region with fewer is not there
FACE = 0.08  # of the pixels of face and hair: with fewer the face is not seen
_REACH = 7  # pixels from the middle of a window to its border
TAGS = ("occlusion", "full body", "upper body", "lower body", "head missed", "back view")


@dataclass(frozen=True)
class Tags:
    """What the annotation says of one person.

    Attributes:
        body: "full body", "cut above the feet", "upper body", "lower body" or "neither".
        head_missed: no label of the head is there.
        occluded: someone stands in front.
        view: "front", "back", or "unknown" where neither head nor sides tell.
    """

    body: str
    head_missed: bool
    occluded: bool
    view: str

    @property
    def names(self) -> frozenset[str]:
        """Return those of the challenge's six names that hold."""
        held = (self.occluded, *(self.body == name for name in TAGS[1:4]), self.head_missed)
        return frozenset(n for n, h in zip(TAGS, (*held, self.view == "back"), strict=True) if h)


def tag_people(parsings: NDArray[np.uint8], scheme: Scheme) -> list[Tags]:
    """Return the tags of each person of one image.

    Definition: a region (head, upper body, lower body, feet) is shown with at least .2 % of the
    person's pixels. "full body" shows the upper body and the feet (without foot labels in the
    scheme: the lower body), "cut above the feet" the upper and the lower body, "upper body" no
    lower one, "lower body" no upper one. "head missed" shows no head. A person is seen from the
    back when hair is there and the face is under 8 % of hair and face together; where no head is
    there, when the left limbs are left of the right ones. A person is occluded when another one
    who touches is in front. In front is who has more of four: the wider angle where both meet the
    background, because his outline goes on and the other's ends there (difference of the shares of
    windows of 15 x 15 pixels, mean over those places, times 4); the lower end (of the taller box's
    height, at most .1, times 10); more pixels (half the logarithm of the ratio, at most .5); more
    of his pixels inside the other's convex hull (of the smaller person, at most .5, times 2).
    Absent: a person without a labelled pixel is "neither", with the head missed, view "unknown".
    Source: the names are those of the Look into Person challenge. Differs: rules in place of eyes;
    things that hide a person are not in the labels, only other persons are.

    Args:
        parsings: (N, H, W) label ids, one map a person.
        scheme: labels of the maps, with labels of head, upper and lower body.

    Raises:
        InputError: the scheme has no such labels.
    """
    regions = regions_of(scheme.names)
    labelled = np.where(parsings == scheme.ignore_id, 0, parsings).astype(np.uint8)
    areas = (
        np.stack([np.bincount(p.ravel(), minlength=256) for p in labelled])
        if len(labelled)
        else np.zeros((0, 256), np.int64)
    )
    hidden = _find_occluded(labelled, areas)
    found = []
    for parsing, area, behind in zip(labelled, areas, hidden, strict=True):
        least = max(1.0, SHOWN * area[1:].sum())
        shown = {kind: area[list(ids)].sum() >= least for kind, ids in regions.items()}
        view = _view_of(parsing, area, regions, scheme)
        found.append(Tags(_body_of(shown, bool(regions["feet"])), not shown["head"], behind, view))
    return found


def _body_of(shown: dict[str, bool], has_feet: bool) -> str:
    lower = shown["lower"] or shown["feet"]
    if shown["upper"] and lower:
        reaches = shown["feet"] if has_feet else lower
        return "full body" if reaches else "cut above the feet"
    return "upper body" if shown["upper"] else ("lower body" if lower else "neither")


def _view_of(
    parsing: NDArray[np.uint8],
    area: NDArray[np.int64],
    regions: dict[str, tuple[int, ...]],
    scheme: Scheme,
) -> str:
    face, hair = (int(area[list(regions[kind])].sum()) for kind in ("face", "hair"))
    if regions["face"] and regions["hair"] and face + hair:
        return "front" if face >= FACE * (face + hair) else "back"
    votes = 0.0
    for label in scheme.labels:
        if label.flip is None or label.flip <= label.id or not area[label.id] * area[label.flip]:
            continue
        first, second = (np.nonzero(parsing == i)[1].mean() for i in (label.id, label.flip))
        way = 1 if label.name.startswith("left") else -1
        votes += way * (first - second) * min(area[label.id], area[label.flip])
    return "unknown" if votes == 0 else ("front" if votes > 0 else "back")


def _find_occluded(parsings: NDArray[np.uint8], areas: NDArray[np.int64]) -> list[bool]:
    """Return who has another person in front of him."""
    behind = [False] * len(parsings)
    masks = (parsings > 0).astype(np.uint8)
    boxes = [cv2.boundingRect(mask) for mask in masks]
    hulls = [_hull_of(mask) for mask in masks]
    sizes = areas[:, 1:].sum(axis=1)
    for b in range(len(masks)):
        for a in range(b):
            outline = _compare_outlines(masks, (a, b), boxes)
            if outline is None:
                continue
            (_, y1, _, h1), (_, y2, _, h2) = boxes[a], boxes[b]
            lower = np.clip((y1 + h1 - y2 - h2) / max(h1, h2), -0.1, 0.1)
            larger = np.clip(np.log(sizes[a] / sizes[b]), -1, 1)
            inside = [np.count_nonzero(hulls[i] & masks[j]) for i, j in ((b, a), (a, b))]
            inner = np.clip((inside[0] - inside[1]) / min(sizes[a], sizes[b]), -0.5, 0.5)
            behind[b if 4 * outline + 10 * lower + larger / 2 + 2 * inner > 0 else a] = True
    return behind


def _hull_of(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    hull, points = np.zeros_like(mask), cv2.findNonZero(mask)
    if points is not None:
        cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    return hull


def _compare_outlines(
    masks: NDArray[np.uint8], pair: tuple[int, int], boxes: Sequence[Sequence[int]]
) -> float | None:
    """Return how much wider the first one's angle is where both meet the background.

    None where the two do not touch; 0 where no background is near.
    """
    (x1, y1, w1, h1), (x2, y2, w2, h2) = (boxes[i] for i in pair)
    margin = 2 * _REACH
    left, top = max(x1, x2, margin) - margin, max(y1, y2, margin) - margin
    spot = np.s_[top : min(y1 + h1, y2 + h2) + margin, left : min(x1 + w1, x2 + w2) + margin]
    crops: list[NDArray[np.uint8]] = [np.ascontiguousarray(masks[[i]][0][spot]) for i in pair]
    one, two = crops
    if not one.any() or not two.any():
        return None
    around = np.asarray(cv2.dilate(two, np.ones((3, 3), np.uint8)))
    if not ((one > 0) & (around > 0)).any():
        return None
    nobody = np.asarray(~masks[:, spot[0], spot[1]].any(axis=0)).astype(np.uint8)
    near = np.ones((5, 5), np.uint8)
    close = [np.asarray(cv2.dilate(mask, near)) > 0 for mask in (one, two, nobody)]
    meets = close[0] & close[1] & close[2]
    if not meets.any():
        return 0.0
    side = (2 * _REACH + 1,) * 2
    shares = [
        cv2.boxFilter(m.astype(np.float32), -1, side, borderType=cv2.BORDER_CONSTANT)[meets].mean()
        for m in (one, two)
    ]
    return float(shares[0] - shares[1])
