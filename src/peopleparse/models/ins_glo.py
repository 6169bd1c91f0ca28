"""Ins.+Glo., the second baseline of the GPS paper: parse the image, and find whose part is whose.

Source: GPS paper, section 5, "Instance segmentation + global parsing".
Differs: the two networks, which share nothing, learn in the same steps instead of one after the
other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from peopleparse.models.person_rcnn import PersonRCNN
from peopleparse.nn.backbones import FeatureNetwork
from peopleparse.nn.blocks import ParsingNetwork


class InsGlo(nn.Module):
    """A parser of whole images and a Mask R-CNN of persons, with nothing in common.

    Args:
        detector: finds persons and their masks; has a backbone of its own.
        backbone: of the parser.
        parser: takes the backbone's shared map.
        grid: rows and columns of a person's result, those of GPSNet.
    """

    def __init__(
        self,
        detector: PersonRCNN,
        backbone: FeatureNetwork,
        parser: ParsingNetwork,
        grid: tuple[int, int],
    ) -> None:
        super().__init__()
        self.detector, self.backbone, self.parser, self.grid = detector, backbone, parser, grid

    def forward(self, image: Tensor, truths: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Return global_logits, as `parse` does, and the parts of the detector's loss.

        Args:
            image: (B, 3, H, W) RGB, 0 to 255; H and W multiples of 32.
            truths: see `PersonRCNN.forward`.
        """
        return {"global_logits": self.parse(image), **self.detector(image, truths)}

    def parse(self, image: Tensor) -> Tensor:
        """Return the (B, labels, h, w) logits of whole images."""
        return self.parser(self.backbone(image)[0])

    def rois(self, global_logits: Tensor, boxes: Tensor, masks: Tensor) -> Tensor:
        """Return the part of the global parsing that lies inside each person's mask.

        A cell shows a part where both agree: the global parsing, that the part beats background,
        and the mask, that the person is there. The smaller of the two margins is the margin.

        Args:
            global_logits: (1, labels, h, w) of one image.
            boxes: (N, 4) in image pixels.
            masks: (N, 1, M, M) probabilities over the boxes.

        Returns:
            (N, labels, rows, columns) logits on the grid of the boxes, background's being 0.
        """
        rois = torch.cat([torch.zeros_like(boxes[:, :1]), boxes], dim=1)
        scale = 1 / int(self.backbone.stride)
        logits = roi_align(global_logits.float(), rois, self.grid, scale, 1, aligned=True)
        resized = nn.functional.interpolate(
            torch.logit(masks, eps=1e-6), self.grid, mode="bilinear", align_corners=False
        )
        parts = logits[:, 1:] - logits[:, :1]
        best = parts.amax(dim=1, keepdim=True)
        parts = parts - best + torch.minimum(best, resized)  # the order of the parts stays
        return torch.cat([torch.zeros_like(best), parts], dim=1)
