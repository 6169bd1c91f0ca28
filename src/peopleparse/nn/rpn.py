"""A region proposal network of persons and faces behind the calls of the dense detector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from peopleparse.nn.blocks import ConvBlock, DenseDetector

PERSON_ANCHOR, FACE_ANCHOR = (80.0, 200.0), (24.0, 28.0)  # width and height in pixels
_RARE = -4.6  # a score of .01: next to no cell is the centre of anything


class ProposalDetector(DenseDetector):
    """Region proposals of two classes, one anchor each: in each cell two scores and two boxes.

    A 3 x 3 convolution over the shared map, then 1 x 1 convolutions for the scores and for the
    boxes. A box is told as Faster R-CNN tells it: how far its centre lies from the anchor's, in
    sides of the anchor, and how many times as large it is, in powers of e.

    Args:
        inputs, hidden: channels of the features and inside.
        stride: pixels a cell.

    Source: GPS paper, section 4, "a similar structure as RPN"; Ren et al., Faster R-CNN.
    Differs: nine anchors a cell, told apart by their overlap with the truth, became one a class:
        the joint loss knows the centres of objects, and one box a cell and class. There is no
        second stage that scores the proposals again.
    """

    def __init__(self, inputs: int, hidden: int, stride: int) -> None:
        nn.Module.__init__(self)  # none of the parent's layers
        self.stride = stride
        self.stem = nn.Sequential(ConvBlock(inputs, hidden, norm=False))
        self.scores, self.boxes = nn.Conv2d(hidden, 2, 1), nn.Conv2d(hidden, 8, 1)
        for head, bias in ((self.scores, _RARE), (self.boxes, 0.0)):
            nn.init.normal_(head.weight, std=0.01)
            assert head.bias is not None
            nn.init.constant_(head.bias, bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See `DenseDetector.forward`."""
        shared = self.stem(features)
        scores, boxes = self.scores(shared).float(), self.boxes(shared).float()
        persons = self._decode(boxes[:, :4], PERSON_ANCHOR)
        faces = self._decode(boxes[:, 4:], FACE_ANCHOR)
        return scores[:, :1], persons, scores[:, 1:], faces

    def _decode(self, codes: Tensor, anchor: tuple[float, float]) -> Tensor:
        height, width = codes.shape[2:]
        x = (torch.arange(width, device=codes.device) + 0.5) * self.stride
        y = (torch.arange(height, device=codes.device) + 0.5) * self.stride
        centre_x = x + codes[:, 0] * anchor[0]
        centre_y = y[:, None] + codes[:, 1] * anchor[1]
        sides = codes[:, 2:].clamp(-5, 5).exp() / 2
        half_x, half_y = sides[:, 0] * anchor[0], sides[:, 1] * anchor[1]
        corners = [centre_x - half_x, centre_y - half_y, centre_x + half_x, centre_y + half_y]
        return torch.stack(corners, dim=1)  # (B, 4, h, w)
