"""The rows of the GPS paper's Tables 2 and 3, the paper's numbers, and the protocol they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from peopleparse.inference.pipeline import Options
from peopleparse.training.recipe import Phase, Recipe

SUBSETS = ("indoor", "outdoor")
SEEDS = (1, 2, 3)
# Of a test scene as the networks see it; they were trained at this size. Little is cut off, because
# AP asks for the ranking of doubtful persons as well.
OPTIONS = Options(long_side=256, threshold=0, least_heat=0.1)
COLUMNS = (0.5, 0.6, 0.7, 0.8)

# One protocol for every row: the same scenes in the same order, steps, sizes, optimizer and
# starting weights. The MobileNetV2 layers start from the shipped model, whose people are those
# of the train and val splits: from generic weights a run of this length learns too little to
# tell methods apart.
PROTOCOL = Recipe(
    backbone="",
    start="gpsnet_mobilenet_v2",
    steps=500,
    batch=8,
    warmup=50,
    phases=(Phase(1, (192, 256), (256, 192)),),
    rois=12,
    average=0.99,
)


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        title: as the paper prints it.
        changes: what its recipe has in place of the protocol's.
        paper: by subset, the paper's AP at .5, .6, .7, .8 and average AP, in per cent; empty for a
            row that the paper does not have.
    """

    title: str
    changes: Mapping[str, object]
    paper: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


# Source: GPS paper, Tables 2 (Indoor) and 3 (Outdoor).
ROWS: Mapping[str, Row] = MappingProxyType(
    {
        "det_par": Row(
            "Det.+Par.",
            {"model": "det_par_mobilenet_v2"},
            {
                "indoor": (36.99, 32.05, 24.16, 9.42, 39.74),
                "outdoor": (70.91, 62.13, 55.21, 17.25, 63.27),
            },
        ),
        "ins_glo": Row(
            "Ins.+Glo.",
            {"model": "ins_glo_mobilenet_v2"},
            {
                "indoor": (39.99, 32.84, 25.62, 11.23, 41.90),
                "outdoor": (72.01, 63.11, 56.03, 18.23, 65.03),
            },
        ),
        "loc": Row(
            "Loc.",
            {"adjust": False, "fuse": False},
            {
                "indoor": (41.05, 32.79, 23.25, 10.84, 41.65),
                "outdoor": (71.43, 62.48, 53.33, 17.44, 63.97),
            },
        ),
        "ad_loc": Row(
            "Ad. Loc.",
            {"adjust": True, "fuse": False},
            {
                "indoor": (42.16, 33.29, 23.61, 10.91, 42.58),
                "outdoor": (73.44, 63.22, 55.87, 18.14, 65.28),
            },
        ),
        "fuse": Row(
            "Fuse",
            {"adjust": False, "fuse": True},
            {
                "indoor": (44.11, 36.19, 27.78, 13.85, 44.21),
                "outdoor": (75.33, 64.84, 57.68, 19.22, 66.74),
            },
        ),
        "ad_fuse": Row(
            "Ad. Fuse (GPSNet)",
            {"adjust": True, "fuse": True},
            {
                "indoor": (45.86, 37.24, 27.65, 14.31, 45.97),
                "outdoor": (77.56, 66.24, 58.43, 19.14, 68.05),
            },
        ),
        "ad_fuse_ssl": Row("Ad. Fuse + SSL", {"loss_structure": 0.25}),
    }
)


def recipe_of(row: str, seed: int) -> Recipe:
    """Return the recipe of one run; it is the same for both subsets."""
    return replace(PROTOCOL, seed=seed, **ROWS[row].changes)  # type: ignore[arg-type]
