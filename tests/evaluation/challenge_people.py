"""Drawn people whose challenge factors are known because they were drawn so."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from peopleparse.evaluation.challenge import Tags
from peopleparse.labels import Scheme
from tests.metrics.anatomy_people import make_person, render

SIZE = (320, 320)
# What the frame leaves of a person, in heights below the crown: lowest and highest upper edge,
# lowest and highest lower edge. Heads end at .17, trunks at .5, dresses at .7 and legs at .93.
CROPS = {
    "full body": ((-0.15, -0.03), (1.05, 1.2)),
    "cut above the feet": ((-0.15, -0.03), (0.72, 0.88)),
    "upper body": ((-0.15, -0.03), (0.32, 0.48)),
    "lower body": ((0.72, 0.8), (1.05, 1.2)),
    "head missed": ((0.2, 0.3), (1.05, 1.2)),
}


class Known(NamedTuple):
    """Label maps of an image's people, and the tags that they were drawn with."""

    parsings: NDArray[np.uint8]
    tags: list[Tags]


def make_cropped(crop: str, scheme: Scheme, rng: np.random.Generator) -> Known:
    """Return one person, cut by the frame as `CROPS` says, from the front or from behind."""
    person = make_person(rng)
    while crop == "cut above the feet" and any(part == "dress" for part, _ in person.shapes):
        person = make_person(rng)  # a dress alone does not tell that legs are below it
    high, low = (rng.uniform(*edges) for edges in CROPS[crop])
    scale = SIZE[0] / (low - high)
    origin = np.array([rng.uniform(0.4, 0.6) * SIZE[1], -high * scale])
    # A cropped person may be wider than the frame; the picture is then made smaller.
    parsing = render(person, scheme, lambda points: points * scale + origin, SIZE)
    body = "full body" if crop == "head missed" else crop
    gone = crop in ("lower body", "head missed")
    return Known(parsing[None], [Tags(body, gone, False, "back" if person.back else "front")])


def make_covered(scheme: Scheme, rng: np.random.Generator) -> Known:
    """Return two people, whole, of whom the second stands in front of the first."""
    while True:
        people = [make_person(rng) for _ in range(2)]
        tall = rng.uniform(0.55, 0.75) * SIZE[0]
        talls = (tall, tall * rng.uniform(1.05, 1.25))
        way = rng.choice([-1, 1]) * rng.uniform(0.1, 0.24) * tall
        horizon = 0.12 * SIZE[0]
        maps = []
        for person, height, x in zip(people, talls, (-way / 2, way / 2), strict=True):
            origin = np.array([SIZE[1] / 2 + x, horizon - 0.08 * height])
            maps.append(render(person, scheme, lambda p, h=height, o=origin: p * h + o, SIZE))
        whole = np.count_nonzero(maps[0])
        maps[0][maps[1] > 0] = 0
        shown = np.count_nonzero(maps[0]) / whole
        left = set(np.unique(maps[0]).tolist())
        named = [scheme.names[i] for i in left if i]
        if 0.4 < shown < 0.97 and "hair" in named and any("shoe" in name for name in named):
            break
    views = ["back" if person.back else "front" for person in people]
    tags = [Tags("full body", False, place == 0, view) for place, view in enumerate(views)]
    return Known(np.stack(maps), tags)
