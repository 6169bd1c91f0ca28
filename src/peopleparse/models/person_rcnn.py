"""Persons by torchvision's Faster R-CNN or Mask R-CNN on one map of a backbone of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import MultiScaleRoIAlign

from peopleparse.nn.backbones import FeatureNetwork

# Roots of areas in pixels, and heights over widths: people are tall. Sides that double from one to
# the next, as torchvision's do, leave many people of composed scenes without an anchor of IoU > .6.
ANCHOR_SIDES = (32, 50, 80, 128, 200, 320)
ANCHOR_SHAPES = (1.2, 2.8)
_PART_NAMES = {
    "loss_objectness": "objectness",
    "loss_rpn_box_reg": "proposal_box",
    "loss_classifier": "person",
    "loss_box_reg": "person_box",
    "loss_mask": "mask",
}


@dataclass(frozen=True)
class RcnnSize:
    """What makes a detector large or small.

    Attributes:
        hidden: values that describe a RoI's box.
        mask: channels of the mask head; 0 for a detector of boxes only.
        anchors: anchors an image that the proposals learn from.
        proposals: RoIs an image that are looked at.
        samples: of these, RoIs an image that boxes and masks learn from.
    """

    hidden: int = 256
    mask: int = 0
    anchors: int = 128
    proposals: int = 100
    samples: int = 32


@dataclass(frozen=True)
class Found:
    """Persons of one image, best first.

    Attributes:
        boxes: (N, 4) in image pixels.
        scores: (N,) 0 to 1.
        masks: (N, 1, M, M) probability of the person over its box; None without a mask head.
    """

    boxes: Tensor
    scores: Tensor
    masks: Tensor | None


class PersonRCNN(nn.Module):
    """A detector of persons whose images all come in one size.

    The proposals and heads compute in float32, whatever the backbone does.

    Args:
        backbone: its shared map is what the detector sees; it takes RGB from 0 to 255.
        size: of the heads.

    Source: Ren et al., Faster R-CNN; He et al., Mask R-CNN; torchvision's of both.
    Differs: no resizing of its own, for the images have the size that the parser sees.
    """

    def __init__(self, backbone: FeatureNetwork, size: RcnnSize) -> None:
        super().__init__()
        body, channels = _OneMap(backbone), backbone.channels
        anchors = AnchorGenerator((ANCHOR_SIDES,), (ANCHOR_SHAPES,))
        parts: dict[str, Any] = {
            "rpn_anchor_generator": anchors,
            "rpn_head": RPNHead(channels, anchors.num_anchors_per_location()[0]),
            "rpn_pre_nms_top_n_train": 5 * size.proposals,
            "rpn_pre_nms_top_n_test": 5 * size.proposals,
            "rpn_post_nms_top_n_train": size.proposals,
            "rpn_post_nms_top_n_test": size.proposals,
            "rpn_batch_size_per_image": size.anchors,
            "box_roi_pool": MultiScaleRoIAlign(["0"], 7, 2),
            "box_head": TwoMLPHead(channels * 7 * 7, size.hidden),
            "box_predictor": FastRCNNPredictor(size.hidden, 2),
            "box_batch_size_per_image": size.samples,
        }
        if size.mask:
            parts |= {
                "mask_roi_pool": MultiScaleRoIAlign(["0"], 14, 2),
                "mask_head": MaskRCNNHeads(channels, (size.mask,) * 4, 1),
                "mask_predictor": MaskRCNNPredictor(size.mask, size.mask, 2),
            }
        self.rcnn = (MaskRCNN if size.mask else FasterRCNN)(body, **parts)

    def forward(self, image: Tensor, truths: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Return the parts of the detector's loss.

        Args:
            image: (B, 3, H, W) RGB, 0 to 255; H and W multiples of 32.
            truths: one an image: boxes (N, 4), labels (N,) of 1, and for a mask head masks
                (N, H, W) uint8.

        Returns:
            objectness and proposal_box of the proposals, person and person_box of the RoIs, and
            mask where there is a mask head.
        """
        _, losses = self._run(image, list(truths))
        return {_PART_NAMES[name]: value for name, value in losses.items()}

    @torch.no_grad()
    def find(self, image: Tensor, threshold: float, nms_iou: float, most: int) -> Found:
        """Return the persons of one image, (1, 3, H, W); put the model into evaluation first.

        Args:
            image: as in training.
            threshold: lowest score.
            nms_iou: of two boxes that overlap by more than this the better one stays.
            most: so many at most.
        """
        heads = self.rcnn.roi_heads
        heads.score_thresh, heads.nms_thresh, heads.detections_per_img = threshold, nms_iou, most
        found, _ = self._run(image, None)
        return Found(found[0]["boxes"], found[0]["scores"], found[0].get("masks"))

    def _run(self, image: Tensor, truths: list[Any] | None) -> tuple[Any, dict[str, Tensor]]:
        maps = self.rcnn.backbone(image)
        with torch.autocast(image.device.type, enabled=False):
            size = (int(image.shape[2]), int(image.shape[3]))
            images, maps = ImageList(image, [size] * len(image)), {"0": maps.float()}
            proposals, first = self.rcnn.rpn(images, maps, truths)
            found, second = self.rcnn.roi_heads(maps, proposals, images.image_sizes, truths)
        return found, first | second


class _OneMap(nn.Module):
    """The shared map of a backbone, as torchvision asks for it."""

    def __init__(self, backbone: FeatureNetwork) -> None:
        super().__init__()
        self.backbone, self.out_channels = backbone, backbone.channels

    def forward(self, image: Tensor) -> Tensor:
        return self.backbone(image)[0]
