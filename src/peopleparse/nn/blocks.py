"""Small blocks of convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ConvBlock(nn.Sequential):
    """Convolution, batch norm where asked, ReLU; padded so that stride 1 keeps the size."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, dilation: int = 1, norm: bool = True
    ) -> None:
        padding = dilation * (kernel // 2)
        conv = nn.Conv2d(inputs, outputs, kernel, 1, padding, dilation, bias=not norm)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        layers: list[nn.Module] = [conv, nn.BatchNorm2d(outputs)] if norm else [conv]
        super().__init__(*layers, nn.ReLU(inplace=True))


class SeparableBlock(nn.Sequential):
    """Depthwise 3 x 3, then 1 x 1, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, 1, dilation, dilation, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class ParsingNetwork(nn.Module):
    """The structure that the global and the local parser share: branches of several fields of view.

    A stem, then parallel branches whose first convolution looks 1, 2, ... cells apart; each gives
    label logits of its own, and their sum is the parsing.

    Args:
        inputs: channels of the features.
        hidden: channels inside.
        labels: number of label ids.
        rates: dilation of each branch.
        stem: number of blocks before the branches.
        norm: batch norm after the convolutions.

    Source: GPS paper, section 4; Chen et al., DeepLab v2, ASPP with summed score maps.
    """

    def __init__(
        self, inputs: int, hidden: int, labels: int, rates: Sequence[int], stem: int, norm: bool
    ) -> None:
        super().__init__()
        sizes = [inputs] + [hidden] * stem
        self.stem = nn.Sequential(
            *(ConvBlock(a, b, norm=norm) for a, b in zip(sizes, sizes[1:], strict=False))
        )
        self.branches = nn.ModuleList(
            nn.Sequential(
                ConvBlock(sizes[-1], hidden, dilation=rate, norm=norm),
                ConvBlock(hidden, hidden, kernel=1, norm=norm),
                nn.Conv2d(hidden, labels, 1),
            )
            for rate in rates
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, h, w) features to (B, labels, h, w) logits, the sum of the branches."""
        shared = self.stem(features)
        return torch.stack([branch(shared) for branch in self.branches]).sum(dim=0)


class DenseDetector(nn.Module):
    """One-stage detector of persons and faces: in each cell two scores and two boxes.

    A cell's box is told as its four distances to the sides, in powers of e of one stride.

    Args:
        inputs, hidden: channels of the features and inside.
        stride: pixels a cell.

    Differs: the paper takes RoIs from a Faster R-CNN; a dense head is as easy to train jointly and
    costs a CPU far less.
    """

    def __init__(self, inputs: int, hidden: int, stride: int, separable: bool = True) -> None:
        super().__init__()
        self.stride = stride
        block = SeparableBlock if separable else ConvBlock
        self.stem = nn.Sequential(block(inputs, hidden), block(hidden, hidden, dilation=2))
        self.person = nn.Conv2d(hidden, 5, 1)
        self.face = nn.Conv2d(hidden, 5, 1)
        for head, size in ((self.person, 2.3), (self.face, 0.5)):
            nn.init.normal_(head.weight, std=0.01)
            assert head.bias is not None
            head.bias.data = torch.tensor([-4.6, size, size, size, size])

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return person heat, person boxes, face heat, face boxes.

        Heats are (B, 1, h, w) logits; boxes (B, 4, h, w) in image pixels.
        """
        shared = self.stem(features)
        person, face = self.person(shared).float(), self.face(shared).float()
        return person[:, :1], self._boxes(person[:, 1:]), face[:, :1], self._boxes(face[:, 1:])

    def _boxes(self, distances: Tensor) -> Tensor:
        height, width = distances.shape[2:]
        x = (torch.arange(width, device=distances.device) + 0.5) * self.stride
        y = (torch.arange(height, device=distances.device) + 0.5) * self.stride
        sides = distances.clamp(-5, 7).exp() * self.stride
        return torch.stack(
            [
                x - sides[:, 0],
                y[:, None] - sides[:, 1],
                x + sides[:, 2],
                y[:, None] + sides[:, 3],
            ],
            dim=1,
        )
