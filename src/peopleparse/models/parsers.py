"""Build the four networks of the LIP paper: the one place where their sizes live.

All take images (B, 3, H, W) RGB, 0 to 255, of any size, and return a dict with `logits` (B, labels,
h, w); h is H / `stride` rounded up. `field` tells how many pixels across the deepest features see.
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from peopleparse.errors import ModelError, suggest
from peopleparse.models.attention_to_scale import AttentionToScale, make_attention
from peopleparse.models.deeplab_v2 import ONE_SCALE, THREE_SCALES, DeepLabV2
from peopleparse.models.fcn8s import FCN8s, make_head
from peopleparse.models.segnet import SegNet, mirror_stage
from peopleparse.nn.aspp import FieldOfView, SummedBranches, make_classifier
from peopleparse.nn.backbones import FeatureNetwork, Resnet101Features
from peopleparse.nn.blocks import ConvBlock
from peopleparse.nn.mobilenet import (
    STAGE_CHANNELS,
    DilatedMobileNetV2,
    keep_size,
    mobilenet_stages,
)
from peopleparse.nn.vgg import Vgg16Pool5, vgg16_stages

PARSERS = ("segnet", "fcn8s", "deeplab_v2_vgg16", "deeplab_v2_resnet101", "attention")
RATES = (6, 12, 18, 24)

Parser = SegNet | FCN8s | DeepLabV2 | AttentionToScale


def build_parser(
    name: str,
    labels: int = 20,
    small: bool = False,
    backbone_weights: Path | None = None,
    multi_scale: bool = False,
) -> Parser:
    """Build a network of the LIP paper by name.

    Args:
        name: segnet, fcn8s, deeplab_v2_vgg16, deeplab_v2_resnet101 or attention.
        labels: number of label ids.
        small: the same composition on MobileNetV2, for training without a GPU.
        backbone_weights: starting weights of MobileNetV2.
        multi_scale: DeepLab v2 at scales 1, .75 and .5, the largest logit of each label and cell.

    Raises:
        ModelError: no network has that name, or it takes no backbone weights or only one scale.
    """
    if name not in PARSERS:
        raise ModelError(f"parser must be a known name, got '{name}'.{suggest(name, PARSERS)}")
    if backbone_weights is not None and not small:
        raise ModelError(
            f"backbone_weights must be None for {name} at the paper's size, got a file. "
            "Load a checkpoint instead, or build the small one."
        )
    if multi_scale and not name.startswith("deeplab_v2"):
        raise ModelError(
            f"multi_scale must be False for {name}, got True. Only deeplab_v2_vgg16 and "
            "deeplab_v2_resnet101 have it; attention sees three scales by itself."
        )
    if name == "segnet":
        return _small_segnet(labels, backbone_weights) if small else _segnet(labels)
    if name == "fcn8s":
        return _small_fcn8s(labels, backbone_weights) if small else _fcn8s(labels)
    if name == "attention":
        return _small_attention(labels, backbone_weights) if small else _attention(labels)
    resnet = name == "deeplab_v2_resnet101"
    scales = THREE_SCALES if multi_scale else ONE_SCALE
    if small:
        features: FeatureNetwork = DilatedMobileNetV2(backbone_weights)
        return DeepLabV2(features, _small_pyramid(labels, resnet), 651, scales)
    if resnet:
        return DeepLabV2(Resnet101Features(), _classifiers(2048, labels), 1403, scales)
    branches = (FieldOfView(512, 1024, labels, rate) for rate in RATES)
    return DeepLabV2(Vgg16Pool5(), SummedBranches(branches), 611, scales)


def _segnet(labels: int) -> SegNet:
    decoders = [
        mirror_stage((512, 512, 512, 512)),
        mirror_stage((512, 512, 512, 256)),
        mirror_stage((256, 256, 256, 128)),
        mirror_stage((128, 128, 64)),
        mirror_stage((64, 64), labels),
    ]
    return SegNet(vgg16_stages(norm=True), decoders, stride=1, field=212)


def _small_segnet(labels: int, weights: Path | None) -> SegNet:
    """Return SegNet with pools where MobileNetV2 halves the size, from stride 2 on."""
    first, *others, last = mobilenet_stages(weights, frozen=1)
    encoders = [first, *(keep_size(stage) for stage in others)]
    at_2, at_4, at_8, at_16, at_32 = STAGE_CHANNELS
    middle = nn.Sequential(keep_size(last), ConvBlock(at_32, at_16, kernel=1))
    decoders = [
        mirror_stage((at_16, at_16, at_8)),
        mirror_stage((at_8, at_8, at_4)),
        mirror_stage((at_4, at_4, at_2)),
        mirror_stage((at_2, at_2), labels),
    ]
    return SegNet(encoders, decoders, stride=2, field=581, middle=middle)


def _fcn8s(labels: int) -> FCN8s:
    parts = [
        nn.Sequential(stage, nn.MaxPool2d(2, ceil_mode=True)) for stage in vgg16_stages(norm=False)
    ]
    return FCN8s(
        [nn.Sequential(*parts[:3]), parts[3], parts[4]],
        (256, 512, 512),
        make_head(512, 4096, kernel=7, dropout=0.5),
        4096,
        labels,
        corners=False,
        factors=(1e-4, 1e-2),
        field=404,
    )


def _small_fcn8s(labels: int, weights: Path | None) -> FCN8s:
    stages = mobilenet_stages(weights)
    return FCN8s(
        [nn.Sequential(*stages[:3]), stages[3], stages[4]],
        STAGE_CHANNELS[2:],
        make_head(STAGE_CHANNELS[4], 256, kernel=3, dropout=0.1, norm=True),
        256,
        labels,
        corners=True,
        factors=(1.0, 1.0),
        field=555,
    )


def _attention(labels: int) -> AttentionToScale:
    head = FieldOfView(512, 1024, labels, rate=12)
    scales = len(THREE_SCALES)
    attention = make_attention(1024, 512, scales, dropout=0.5)
    return AttentionToScale(Vgg16Pool5(), head, attention, 419, THREE_SCALES)


def _small_attention(labels: int, weights: Path | None) -> AttentionToScale:
    backbone = DilatedMobileNetV2(weights)
    head = FieldOfView(backbone.channels, 128, labels, rate=12, dropout=0.1, norm=True)
    attention = make_attention(128, 64, len(THREE_SCALES), dropout=0.1, norm=True)
    return AttentionToScale(backbone, head, attention, 459, THREE_SCALES)


def _small_pyramid(labels: int, resnet: bool) -> SummedBranches:
    inputs = DilatedMobileNetV2.channels
    if resnet:
        return _classifiers(inputs, labels)
    return SummedBranches(
        FieldOfView(inputs, 64, labels, rate, dropout=0.1, norm=True) for rate in RATES
    )


def _classifiers(inputs: int, labels: int) -> SummedBranches:
    """Return DeepLab v2's head on ResNet-101: branches of one convolution."""
    return SummedBranches(make_classifier(inputs, labels, kernel=3, rate=rate) for rate in RATES)
