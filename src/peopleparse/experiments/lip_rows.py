"""The rows of the LIP paper's comparison, its numbers, and the protocol that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from peopleparse.training.parser_recipe import ParserRecipe, StructurePlan
from peopleparse.training.recipe import Phase

SUBSET = "val"  # people of the split that is scored
SEEDS = (1, 2, 3)
PLAIN, STRESS = "plain", "stress"  # sets of views: of everybody as it is, and all that are hard
VIEW = (192, 128)  # height and width that the networks see

# How structure is learnt by the rows "+ SSL". `soft`, because only there a joint in the wrong place
# pulls by itself: `paper` can but make a person count more, whatever is wrong with it, and
# `released` changes nothing that is learnt. Displacements by centres, in sides of the map: a heat
# map's bell is one cell wide, and cells of these networks are 1, 2 or 8 pixels. Offset 1, because a
# person whose joints are in place would teach nothing. Scale 100: a missing joint of nine then
# counts 1.4 beside the 1, a pair of legs swapped that stand .15 apart .25. The last 40 % of the
# steps, as the paper's 20 epochs after 30.
SSL = StructurePlan(mode="soft", measure="centers", offset=1.0, scale=100.0, share=0.4)

# One protocol for every row: the same people in the same order, steps, sizes, optimizer and
# starting weights.
PROTOCOL = ParserRecipe(
    backbone="mobilenet_v2_deeplab_voc.safetensors",
    steps=600,
    batch=8,
    warmup=50,
    phases=(Phase(1, VIEW, VIEW),),
    lr=1e-3,
    average=0.99,
    label_power=0.25,
)


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        title: as the paper prints it.
        network: of `models.parsers`; its small size is trained.
        structure: None for cross-entropy throughout.
        val, test: overall accuracy, mean accuracy and mean IoU that the paper prints for LIP, in
            per cent; empty for a row that it does not have.
        iou: IoU of each label on LIP's val split as the paper prints it, in the order of
            `PAPER_LABELS`.
    """

    title: str
    network: str
    structure: StructurePlan | None = None
    val: tuple[float, ...] = ()
    test: tuple[float, ...] = ()
    iou: tuple[float, ...] = field(default=(), repr=False)


PAPER_LABELS = (
    *("hat", "hair", "glove", "sunglasses", "upper clothes", "dress", "coat", "socks", "pants"),
    *("jumpsuits", "scarf", "skirt", "face", "left arm", "right arm", "left leg", "right leg"),
    *("left shoe", "right shoe", "background"),
)
_SEGNET = (
    *(26.60, 44.01, 0.01, 0.00, 34.46, 0.00, 15.97, 3.59, 33.56, 0.01),
    *(0.00, 0.00, 52.38, 15.30, 24.23, 13.82, 13.17, 9.26, 6.47, 70.62),
)
_FCN8S = (
    *(39.79, 58.96, 5.32, 3.08, 49.08, 12.36, 26.82, 15.66, 49.41, 6.48),
    *(0.00, 2.16, 62.65, 29.78, 36.63, 28.12, 26.05, 17.76, 17.70, 78.02),
)
_DEEPLAB = (
    *(57.94, 66.11, 28.50, 18.40, 60.94, 23.17, 47.03, 34.51, 64.00, 22.38),
    *(14.29, 18.74, 69.70, 49.44, 51.66, 37.49, 34.60, 28.22, 22.41, 83.25),
)
_ATTENTION = (
    *(58.87, 66.78, 23.32, 19.48, 63.20, 29.63, 49.70, 35.23, 66.04, 24.73),
    *(12.84, 20.41, 70.58, 50.17, 54.03, 38.35, 37.70, 26.20, 27.09, 84.00),
)
_DEEPLAB_SSL = (
    *(58.41, 66.22, 28.76, 20.05, 62.26, 21.18, 48.17, 36.12, 65.16, 22.94),
    *(14.84, 19.37, 70.01, 50.45, 53.39, 37.59, 36.96, 26.29, 26.87, 83.67),
)
_ATTENTION_SSL = (
    *(59.75, 67.25, 28.95, 21.57, 65.30, 29.49, 51.92, 38.52, 68.02, 24.48),
    *(14.92, 24.32, 71.01, 52.64, 55.79, 40.23, 38.80, 28.08, 29.03, 84.56),
)
_VGG = "deeplab_v2_vgg16"

# Source: LIP paper, its tables of the val and test splits and of IoU per label.
ROWS: Mapping[str, Row] = MappingProxyType(
    {
        "segnet": Row(
            "SegNet", "segnet", None, (69.04, 24.00, 18.17), (69.10, 24.26, 18.37), _SEGNET
        ),
        "segnet_ssl": Row("SegNet + SSL", "segnet", SSL),
        "fcn8s": Row("FCN-8s", "fcn8s", None, (76.06, 36.75, 28.29), (76.28, 37.18, 28.69), _FCN8S),
        "fcn8s_ssl": Row("FCN-8s + SSL", "fcn8s", SSL),
        "deeplab_v2": Row(
            "DeepLabV2", _VGG, None, (82.66, 51.64, 41.64), (82.89, 51.53, 41.56), _DEEPLAB
        ),
        "deeplab_v2_ssl": Row(
            "DeepLabV2 + SSL", _VGG, SSL, (83.16, 52.55, 42.44), (83.37, 52.53, 42.46), _DEEPLAB_SSL
        ),
        "attention": Row(
            "Attention", "attention", None, (83.43, 54.39, 42.92), (83.56, 54.28, 42.97), _ATTENTION
        ),
        "attention_ssl": Row(
            "Attention + SSL", "attention", SSL,
            (84.36, 54.94, 44.73), (84.53, 54.81, 44.59), _ATTENTION_SSL,
        ),
    }
)  # fmt: skip

# Other modes and schedules, for the network of the paper's best row and for the one that trains
# fastest; only trained when named.
_NAMES = {"attention": "Attention", "fcn8s": "FCN-8s"}
_PLANS = {
    "product": ("the paper's product", StructurePlan("paper", "heatmaps", 0.0, 1.0, SSL.share)),
    "floor": ("the paper's product + 1", StructurePlan("paper", "heatmaps", 1.0, 1.0, SSL.share)),
    "whole": ("from the first step", replace(SSL, share=1.0)),
    "gentle": ("a tenth as strong", replace(SSL, scale=SSL.scale / 10)),
}
OTHERS: Mapping[str, Row] = MappingProxyType(
    {
        f"{network}_ssl_{name}": Row(f"{title} + SSL, {words}", network, plan)
        for network, title in _NAMES.items()
        for name, (words, plan) in _PLANS.items()
    }
)
ALL_ROWS: Mapping[str, Row] = MappingProxyType({**ROWS, **OTHERS})


def plain_row(name: str) -> str:
    """Return the row of the same network without structure-sensitive learning."""
    return next(n for n, row in ROWS.items() if row.network == ALL_ROWS[name].network)


def recipe_of(row: str, seed: int) -> ParserRecipe:
    """Return the recipe of one run."""
    chosen = ALL_ROWS[row]
    return replace(PROTOCOL, model=f"{chosen.network}_small", structure=chosen.structure, seed=seed)
