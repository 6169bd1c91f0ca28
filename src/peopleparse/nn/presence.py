"""What a person wears at all, before where."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from peopleparse.nn.blocks import ConvBlock

_ROWS, _COLUMNS = 4, 2  # of the coarse grid on which a whole person is looked at
_AT_FIRST = 4.0  # logit with which every label counts as present before anything is learnt


class PresenceHead(nn.Module):
    """Tells from a person's features which labels the person shows: one logit a label.

    Args:
        inputs: channels of the features.
        hidden: channels inside.
        labels: number of label ids.
        grid: rows and columns of the features; multiples of 16 and 8.

    Source: Zhang et al., Context Encoding for Semantic Segmentation, CVPR 2018, whose presence loss
    this is. Differs: features of one person in place of an image's; a grid of 4 x 2 in place of
    codewords, since people stand upright; and the logits are used, see `add_presence`.
    """

    def __init__(self, inputs: int, hidden: int, labels: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.cells = grid[0] // (4 * _ROWS), grid[1] // (4 * _COLUMNS)
        self.first = ConvBlock(inputs, hidden, norm=False)
        self.second = ConvBlock(hidden, hidden, norm=False)
        self.whole = nn.Conv2d(hidden, hidden, (_ROWS, _COLUMNS))
        self.labels = nn.Conv2d(hidden, labels, 1)
        nn.init.kaiming_normal_(self.whole.weight, nonlinearity="relu")
        nn.init.normal_(self.labels.weight, std=0.01)
        for conv, value in ((self.whole, 0.0), (self.labels, _AT_FIRST)):
            assert conv.bias is not None
            nn.init.constant_(conv.bias, value)

    def forward(self, features: Tensor) -> Tensor:
        """Map (K, C, rows, columns) features to (K, labels) logits."""
        half = self.second(functional.avg_pool2d(self.first(functional.avg_pool2d(features, 2)), 2))
        coarse = functional.avg_pool2d(half, self.cells)
        return self.labels(torch.relu(self.whole(coarse))).flatten(1)


def add_presence(logits: Tensor, presence: Tensor) -> Tensor:
    """Add the logarithm of each label's probability to be there at all; background always is.

    Args:
        logits: (K, labels, rows, columns).
        presence: (K, labels) logits of `PresenceHead`.
    """
    added = -functional.softplus(-presence)
    added = torch.cat([torch.zeros_like(added[:, :1]), added[:, 1:]], dim=1)
    return logits + added[:, :, None, None]
