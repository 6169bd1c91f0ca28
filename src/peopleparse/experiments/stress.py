"""People seen so that left and right are hard to tell: views that are made, and poses found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from peopleparse.data.ccp_gps import looks_away
from peopleparse.experiments.packed_people import PackedPeople, View, cut_view
from peopleparse.labels import get_scheme
from peopleparse.metrics.left_right import side_pairs

_SPREAD = (5, 95)  # percentiles of the columns that count as a part's width
_ACROSS = 0.3  # share of an arm's pixels that lie in front of clothes
_FEWEST = 10  # pixels of a part that is looked at

# The views of every person, by kind.
VIEWS: Mapping[str, tuple[View, ...]] = MappingProxyType(
    {
        "mirrored": (View(mirror=True),),
        "tight": (View(zoom=1.6, down=0.3), View(zoom=1.6, down=-0.3)),
        "shifted": (View(across=0.3), View(across=-0.3)),
        "rotated": (View(angle=25), View(angle=-25)),
    }
)


class Views:
    """Views of people, all (N, ...).

    Attributes:
        names: photo id, kind and number of the view.
        images: (N, *VIEW, 3) uint8 RGB.
        parsings: (N, *VIEW) uint8 GPS ids.
    """

    def __init__(self, people: PackedPeople, kind: str, chosen: list[tuple[int, View]]) -> None:
        pairs = [cut_view(people.images[i], people.parsings[i], view) for i, view in chosen]
        self.names = tuple(
            f"{people.photo_ids[i]} {kind} {number}" for number, (i, _) in enumerate(chosen)
        )
        self.images = [image for image, _ in pairs]
        self.parsings = [parsing for _, parsing in pairs]

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.names)


def plain_views(people: PackedPeople) -> Views:
    """Return every person upright, whole and in the middle."""
    return Views(people, "plain", [(index, View()) for index in range(len(people))])


def stress_views(people: PackedPeople) -> dict[str, Views]:
    """Return the stress set by kind; a kind may have no view."""
    indices = range(len(people))
    found = {
        kind: Views(people, kind, [(index, view) for view in views for index in indices])
        for kind, views in VIEWS.items()
    }
    for kind, holds in POSES.items():
        chosen = [(index, View()) for index in indices if holds(people.parsings[index])]
        found[kind] = Views(people, kind, chosen)
    return found


def limbs_cross(parsing: NDArray[np.uint8]) -> bool:
    """Tell whether a GPS map shows crossed limbs, as far as geometry tells.

    That is so where the columns of the left and right shoe, leg or arm overlap (without the outer
    5 % of each part's pixels on either side), or where 30 % of an arm's pixels have clothes of the
    trunk on both sides in their row.
    """
    for left, right in side_pairs(get_scheme("gps")).values():
        ends = [_ends(parsing == label) for label in (left, right)]
        if None not in ends and max(e[0] for e in ends if e) < min(e[1] for e in ends if e):
            return True
    return any(_lies_across(parsing, name) for name in ("left arm", "right arm"))


def _ends(mask: NDArray[np.bool_]) -> tuple[float, float] | None:
    columns = np.nonzero(mask)[1]
    if len(columns) < _FEWEST:
        return None
    low, high = np.percentile(columns, _SPREAD)
    return float(low), float(high)


def _lies_across(parsing: NDArray[np.uint8], arm: str) -> bool:
    gps = get_scheme("gps")
    mask = parsing == gps.id_of(arm)
    trunk = np.isin(parsing, [gps.id_of(name) for name in ("upper clothes", "dress")])
    before = np.maximum.accumulate(trunk, axis=1)
    behind = np.maximum.accumulate(trunk[:, ::-1], axis=1)[:, ::-1]
    size = int(mask.sum())
    return size >= _FEWEST and int((mask & before & behind).sum()) >= _ACROSS * size


# People of whom the labels tell the pose, seen as they are.
POSES: Mapping[str, Callable[[NDArray[np.uint8]], bool]] = MappingProxyType(
    {"back view": looks_away, "crossed limbs": limbs_cross}
)
KINDS = (*VIEWS, *POSES)
