"""Build models from plain numbers: the one place where sizes live."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from peopleparse.errors import ModelError, suggest
from peopleparse.models.det_par import DetPar
from peopleparse.models.gpsnet import GPSNet
from peopleparse.models.ins_glo import InsGlo
from peopleparse.models.person_rcnn import PersonRCNN, RcnnSize
from peopleparse.nn.backbones import (
    FeatureNetwork,
    MobileNetV2Features,
    Resnet101Features,
    Vgg16Features,
)
from peopleparse.nn.blocks import DenseDetector, ParsingNetwork
from peopleparse.nn.presence import PresenceHead
from peopleparse.nn.rpn import ProposalDetector

MODELS = ("gpsnet_mobilenet_v2", "gpsnet_vgg16", "gpsnet_resnet101")
BASELINES = (
    "det_par_mobilenet_v2",
    "det_par_vgg16",
    "ins_glo_mobilenet_v2",
    "ins_glo_vgg16",
)

_GRID = (80, 40)
_RATES = (1, 3, 8)
_PAPER_GRID = (41, 41)
_PAPER_RATES = (6, 12, 18, 24)


def build_model(
    name: str,
    labels: int = 20,
    backbone_weights: Path | None = None,
    adjust: bool = True,
    fuse: bool = True,
    presence: bool = False,
) -> GPSNet:
    """Build a GPSNet by name.

    Args:
        name: gpsnet_mobilenet_v2 (the shipped size), gpsnet_vgg16 (the paper's) or
            gpsnet_resnet101 (the paper's on the larger backbone of DeepLab v2).
        labels: number of label ids.
        backbone_weights: starting weights of the backbone.
        adjust, fuse: the paper's ablation switches.
        presence: tell which labels a person shows, too; gpsnet_mobilenet_v2 only.

    Raises:
        ModelError: no model has that name, or it takes no backbone weights or no presence.
    """
    _check_name(name, MODELS, backbone_weights)
    if presence and name != "gpsnet_mobilenet_v2":
        raise ModelError(
            f"model with presence must be gpsnet_mobilenet_v2, got '{name}'. Leave out presence."
        )
    if name == "gpsnet_mobilenet_v2":
        return GPSNet(
            MobileNetV2Features(64, backbone_weights),
            DenseDetector(64, 96, stride=8),
            _local_parser(labels),
            _global_parser(labels),
            labels,
            grid=_GRID,
            hidden=64,
            adjust=adjust,
            fuse=fuse,
            presence=PresenceHead(64 + 24, 64, labels, _GRID) if presence else None,
        )
    vgg = name == "gpsnet_vgg16"
    backbone = Vgg16Features() if vgg else Resnet101Features()
    parser = _paper_parser if vgg else _classifiers
    return GPSNet(
        backbone,
        ProposalDetector(backbone.channels, 512, stride=8),
        parser(labels),
        parser(labels),
        labels,
        grid=_PAPER_GRID,
        hidden=128,
        adjust=adjust,
        fuse=fuse,
    )


def read_switches(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the switches of `build_model` that a run's or passport's recipe names.

    Raises:
        KeyError: `adjust` or `fuse` is missing.
    """
    switches = {name: recipe[name] for name in ("adjust", "fuse")}
    return switches | {"presence": recipe.get("presence", False)}


def build_baseline(
    name: str, labels: int = 20, backbone_weights: Path | None = None
) -> DetPar | InsGlo:
    """Build a baseline of the paper by name: GPSNet's backbones, parsers and grids.

    Args:
        name: det_par_ (detection, then parsing of crops) or ins_glo_ (instances and global
            parsing), with mobilenet_v2 or vgg16, as build_model has them.
        labels: number of label ids.
        backbone_weights: starting weights of both backbones.

    Raises:
        ModelError: no baseline has that name, or it takes no backbone weights.
    """
    _check_name(name, BASELINES, backbone_weights)
    small, crops = name.endswith("mobilenet_v2"), name.startswith("det_par")

    def backbone() -> FeatureNetwork:
        return MobileNetV2Features(64, backbone_weights) if small else Vgg16Features()

    hidden, mask = (256, 64) if small else (1024, 256)
    size = RcnnSize(hidden, mask=0 if crops else mask)
    detector, grid = PersonRCNN(backbone(), size), _GRID if small else _PAPER_GRID
    if crops:
        parser = _local_parser(labels) if small else _paper_parser(labels)
        # 328 pixels are 41 cells of 8; a small crop has about the pixels of a person in a group.
        return DetPar(detector, backbone(), parser, (192, 96) if small else (328, 328), grid)
    return InsGlo(
        detector, backbone(), _global_parser(labels) if small else _paper_parser(labels), grid
    )


def _local_parser(labels: int) -> ParsingNetwork:
    return ParsingNetwork(64 + 24, 64, labels, _RATES, stem=1, norm=False)


def _global_parser(labels: int) -> ParsingNetwork:
    return ParsingNetwork(64, 64, labels, _RATES, stem=1, norm=True)


def _paper_parser(labels: int) -> ParsingNetwork:
    parser = ParsingNetwork(512, 1024, labels, _PAPER_RATES, stem=0, norm=False)
    parser.stem = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1))  # DeepLab v2's pool5
    return parser


def _classifiers(labels: int) -> ParsingNetwork:
    """Return DeepLab v2's parser on ResNet-101: branches of one convolution, no pool5."""
    parser = ParsingNetwork(2048, 1, labels, (), stem=0, norm=False)
    for rate in _PAPER_RATES:
        branch = nn.Conv2d(2048, labels, 3, padding=rate, dilation=rate)
        nn.init.normal_(branch.weight, std=0.01)
        parser.branches.append(branch)
    return parser


def _check_name(name: str, names: tuple[str, ...], backbone_weights: Path | None) -> None:
    if name not in names:
        raise ModelError(f"model must be a known name, got '{name}'.{suggest(name, names)}")
    if backbone_weights is not None and not name.endswith("mobilenet_v2"):
        raise ModelError(
            f"backbone_weights must be None for {name}, got a file. Load a checkpoint instead."
        )
