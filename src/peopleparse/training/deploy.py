"""The form in which a model leaves training: bytes in, probabilities out, one photo at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from peopleparse.models.gpsnet import GPSNet

TRUNK_OUTPUTS = ("person_heat", "person_boxes", "face_heat", "face_boxes", "global_logits")
STRIDE = 32  # input sides must be multiples of the deepest stride


class DeployedTrunk(nn.Module):
    """The whole-image half: (1, H, W, 3) uint8 RGB to heats, boxes, logits and features."""

    def __init__(self, model: GPSNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Return the outputs of `GPSNet.trunk` with heats as probabilities."""
        outputs = self.model.trunk(image.permute(0, 3, 1, 2).float())
        for name in ("person_heat", "face_heat"):
            outputs[name] = outputs[name].sigmoid()
        return outputs


class DeployedRois(nn.Module):
    """The person half: features and boxes of one photo to part logits."""

    def __init__(self, model: GPSNet) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, outputs: dict[str, Tensor], boxes: Tensor, faces: Tensor, has_face: Tensor
    ) -> Tensor:
        """Return (K, labels, rows, columns) logits on the grid of the boxes."""
        batch = torch.zeros_like(boxes[:, 0], dtype=torch.long)
        return self.model.rois(outputs, batch, boxes, faces, has_face)["logits"]


class Deployed(nn.Module):
    """Both halves, as the torch engine of the inference pipeline calls them."""

    def __init__(self, model: GPSNet) -> None:
        super().__init__()
        self.trunk, self.rois = DeployedTrunk(model), DeployedRois(model)
