"""DeepLab v2: dilated features at stride 8, and a pyramid of fields of view, summed.

Source: Chen et al., DeepLab v2 (PAMI 2018), sections 3 and 4; figure 7 for the pyramid.
Differs: no CRF. fc6 and fc7 start from chance.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from peopleparse.nn.backbones import FeatureNetwork
from peopleparse.nn.resize import rescale, resize_to

ONE_SCALE = (1.0,)
THREE_SCALES = (1.0, 0.75, 0.5)


class DeepLabV2(nn.Module):
    """A backbone and a head, at one scale of the image or at the best of several.

    Args:
        backbone: maps images to features at stride 8.
        head: maps features to label logits.
        field: pixels across that a cell sees, at scale 1.
        scales: of the image, the first 1; the same weights see them all.
    """

    def __init__(
        self,
        backbone: FeatureNetwork,
        head: nn.Module,
        field: int,
        scales: Sequence[float] = ONE_SCALE,
    ) -> None:
        super().__init__()
        self.backbone, self.head, self.scales = backbone, head, tuple(scales)
        self.stride, self.field = int(backbone.stride), field

    def forward(self, image: Tensor) -> dict[str, Tensor | list[Tensor]]:
        """Parse images.

        Args:
            image: (B, 3, H, W) RGB, 0 to 255.

        Returns:
            logits (B, labels, H/8, W/8), rounded up; with several scales the largest of any scale
            for each label and cell, and `scales`, those of each scale on the same grid.
        """
        logits = self._parse(image)
        if len(self.scales) == 1:
            return {"logits": logits}
        grid = (logits.shape[2], logits.shape[3])
        smaller = [self._parse(rescale(image, scale)) for scale in self.scales[1:]]
        each = [logits, *(resize_to(maps, grid) for maps in smaller)]
        return {"logits": torch.stack(each).amax(dim=0), "scales": each}

    def _parse(self, image: Tensor) -> Tensor:
        features, _ = self.backbone(image)
        return self.head(features)
