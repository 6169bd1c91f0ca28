"""MobileNetV2 in pieces: what stands in for VGG-16 and ResNet-101 in the small parsers.

Source: Sandler et al., MobileNetV2.
"""

from __future__ import annotations

from pathlib import Path

import torchvision
from torch import Tensor, nn

from peopleparse.nn.backbones import FeatureNetwork, _load_backbone, fold_batch_norms

_CUTS = (0, 2, 4, 7, 14, 18)  # a stage ends before the next block that halves the size
STAGE_CHANNELS = (16, 24, 32, 96, 320)


class ScaleColors(nn.Module):
    """Bring an RGB image, 0 to 255, to -1 to 1."""

    def forward(self, image: Tensor) -> Tensor:
        """Map (B, 3, H, W) to the same shape."""
        return image / 127.5 - 1


def mobilenet_stages(weights: Path | None = None, frozen: int = 2) -> list[nn.Sequential]:
    """Return MobileNetV2 in five stages; each begins by halving the size.

    Batch norm is folded into the convolutions for good. The first stage takes RGB images, 0 to 255.

    Args:
        weights: safetensors file in torchvision's naming (`features.*`); random where None.
        frozen: how many stages keep their starting weights, where there are any.

    Raises:
        ModelError: the file is missing, broken or holds another network.
    """
    layers = torchvision.models.mobilenet_v2(weights=None).features[:18]
    if weights is not None:
        _load_backbone(layers, weights)
    fold_batch_norms(layers)
    if weights is None:
        _start_from_chance(layers)
    stages = [layers[a:b] for a, b in zip(_CUTS, _CUTS[1:], strict=False)]
    if weights is not None:
        for stage in stages[:frozen]:
            stage.requires_grad_(False)
    stages[0] = nn.Sequential(ScaleColors(), *stages[0])
    return stages


def _start_from_chance(layers: nn.Module) -> None:
    """Keep values as large as they are; torchvision's start counts on batch norm for that."""
    for layer in layers.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")


def keep_size(stage: nn.Sequential, rate: int = 1) -> nn.Sequential:
    """Let a stage keep the size; convolutions after the one that halved it are dilated by `rate`.

    With rate 2 every filter still sees the pixels that it saw before.
    """
    depthwise = [m for m in stage.modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
    depthwise[0].stride = (1, 1)
    for layer in depthwise[1:]:
        layer.dilation = layer.padding = (rate, rate)
    return stage


class DilatedMobileNetV2(FeatureNetwork):
    """MobileNetV2 without its last four blocks, dilated from stride 8 on; 96 channels."""

    stride, fine_stride = 8, 8
    channels, fine = STAGE_CHANNELS[3], 0

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        stages = mobilenet_stages(weights)[:4]
        self.layers = nn.Sequential(*stages[:3], keep_size(stages[3], rate=2))

    def forward(self, image: Tensor) -> tuple[Tensor, None]:
        """Map (B, 3, H, W) RGB, 0 to 255, to (B, 96, H/8, W/8); there is no finer map."""
        return self.layers(image), None
