"""Build models from plain numbers: the one place where sizes live."""

from __future__ import annotations

from pathlib import Path

from peopleparse.errors import ModelError, suggest
from peopleparse.models.gpsnet import GPSNet
from peopleparse.nn.backbones import MobileNetV2Features, Vgg16Features
from peopleparse.nn.blocks import DenseDetector, ParsingNetwork

MODELS = ("gpsnet_mobilenet_v2", "gpsnet_vgg16")


def build_model(
    name: str,
    labels: int = 20,
    backbone_weights: Path | None = None,
    adjust: bool = True,
    fuse: bool = True,
) -> GPSNet:
    """Build a model by name.

    Args:
        name: gpsnet_mobilenet_v2 (the shipped size) or gpsnet_vgg16 (the paper's).
        labels: number of label ids.
        backbone_weights: starting weights of the backbone.
        adjust, fuse: the paper's ablation switches.

    Raises:
        ModelError: no model has that name, or it takes no backbone weights.
    """
    if name not in MODELS:
        raise ModelError(f"model must be a known name, got '{name}'.{suggest(name, MODELS)}")
    if name == "gpsnet_mobilenet_v2":
        return GPSNet(
            MobileNetV2Features(64, backbone_weights),
            DenseDetector(64, 96, stride=8),
            ParsingNetwork(64 + 24, 64, labels, rates=(1, 3, 8), stem=1, norm=False),
            ParsingNetwork(64, 64, labels, rates=(1, 3, 8), stem=1, norm=True),
            labels,
            grid=(80, 40),
            hidden=64,
            adjust=adjust,
            fuse=fuse,
        )
    if backbone_weights is not None:
        raise ModelError(
            "backbone_weights must be None for gpsnet_vgg16, got a file. Load a checkpoint instead."
        )
    rates = (6, 12, 18, 24)
    return GPSNet(
        Vgg16Features(),
        DenseDetector(512, 256, stride=8, separable=False),
        ParsingNetwork(512, 1024, labels, rates, stem=0, norm=False),
        ParsingNetwork(512, 1024, labels, rates, stem=0, norm=False),
        labels,
        grid=(41, 41),
        hidden=128,
        adjust=adjust,
        fuse=fuse,
    )
