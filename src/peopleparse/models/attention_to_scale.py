"""Attention to scale: one network sees the image at three scales; weight maps say whom to believe.

Source: Chen et al., Attention to Scale (CVPR 2016), figures 2 and 3; the LIP paper's release,
Engineering-Course/LIP_SSL, human/config/attention/train.prototxt.
Differs: the release compares the smallest scale with labels at 1/16; here the logits of all scales
lie on the grid of the largest, so that one truth fits them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from peopleparse.nn.aspp import FieldOfView, make_classifier
from peopleparse.nn.backbones import FeatureNetwork
from peopleparse.nn.blocks import ConvBlock
from peopleparse.nn.resize import rescale, resize_to


class AttentionToScale(nn.Module):
    """DeepLab LargeFOV at several scales, fused by a softmax over the scales in each cell.

    Args:
        backbone: maps images to features at stride 8; shared by all scales.
        head: fc6, fc7, fc8; shared by all scales.
        attention: maps the fc7 of all scales, one after the other, to one value a scale.
        field: pixels across that a cell sees, at scale 1.
        scales: of the image, the first 1.
    """

    def __init__(
        self,
        backbone: FeatureNetwork,
        head: FieldOfView,
        attention: nn.Module,
        field: int,
        scales: Sequence[float],
    ) -> None:
        super().__init__()
        self.backbone, self.head, self.attention = backbone, head, attention
        self.scales, self.stride, self.field = tuple(scales), int(backbone.stride), field

    def forward(self, image: Tensor) -> dict[str, Tensor | list[Tensor]]:
        """Parse images.

        Args:
            image: (B, 3, H, W) RGB, 0 to 255.

        Returns:
            logits (B, labels, h, w), h and w being H/8 and W/8 rounded up; `scales`, a list of the
            logits of each scale on the same grid, for extra supervision; `attention` (B, scales, h,
            w), what each scale counts, the same for all labels; its sum over scales is 1.
        """
        features = [self._see(image, scale) for scale in self.scales]
        grid = (features[0].shape[2], features[0].shape[3])
        logits = [resize_to(self.head.fc8(maps), grid) for maps in features]
        seen = torch.cat([resize_to(maps, grid) for maps in features], dim=1)
        weights = self.attention(seen).softmax(dim=1)
        fused = sum(weights[:, i, None] * maps for i, maps in enumerate(logits))
        assert isinstance(fused, Tensor)
        return {"logits": fused, "scales": logits, "attention": weights}

    def _see(self, image: Tensor, scale: float) -> Tensor:
        maps, _ = self.backbone(rescale(image, scale))
        return self.head.features(maps)


def make_attention(
    inputs: int, hidden: int, scales: int, dropout: float, norm: bool = False
) -> nn.Sequential:
    """Return the attention head: a 3 x 3 convolution, dropout, then one value a scale."""
    return nn.Sequential(
        ConvBlock(inputs * scales, hidden, norm=norm),
        nn.Dropout(dropout),
        make_classifier(hidden, scales),
    )
