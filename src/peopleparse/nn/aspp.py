"""What DeepLab puts on a backbone: convolutions with wide, dilated fields of view.

Source: Chen et al., DeepLab v2 (PAMI 2018), section 3.2 and figure 7.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from peopleparse.nn.blocks import ConvBlock


def make_classifier(inputs: int, labels: int, kernel: int = 1, rate: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size and gives label logits, small at first."""
    layer = nn.Conv2d(inputs, labels, kernel, padding=rate * (kernel // 2), dilation=rate)
    nn.init.normal_(layer.weight, std=0.01)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class FieldOfView(nn.Module):
    """fc6, fc7 and fc8: a dilated 3 x 3 convolution, a 1 x 1, label logits. Alone it is LargeFOV.

    Args:
        inputs, hidden: channels of the maps, and of fc6 and fc7.
        labels: number of label ids.
        rate: dilation of fc6.
        dropout: after fc6 and fc7.
        norm: batch norm in fc6 and fc7; none in the paper.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        labels: int,
        rate: int,
        dropout: float = 0.5,
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.fc6 = ConvBlock(inputs, hidden, dilation=rate, norm=norm)
        self.fc7 = ConvBlock(hidden, hidden, kernel=1, norm=norm)
        self.fc8 = make_classifier(hidden, labels)
        self.dropout = nn.Dropout(dropout)

    def features(self, maps: Tensor) -> Tensor:
        """Map (B, C, h, w) to fc7, (B, hidden, h, w)."""
        return self.dropout(self.fc7(self.dropout(self.fc6(maps))))

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, C, h, w) to (B, labels, h, w) logits."""
        return self.fc8(self.features(maps))


class SummedBranches(nn.ModuleList):
    """Atrous spatial pyramid pooling: branches of several rates, their logits summed."""

    def __init__(self, branches: Iterable[nn.Module]) -> None:
        super().__init__(branches)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, C, h, w) to (B, labels, h, w) logits."""
        first, *others = (branch(maps) for branch in self)
        for logits in others:
            first = first + logits
        return first
