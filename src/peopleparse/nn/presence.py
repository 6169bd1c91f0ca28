"""What a person wears at all, before where."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from peopleparse.nn.blocks import ConvBlock

_ROWS, _COLUMNS = 4, 2  # of the coarse grid on which a whole person is looked at
_AT_FIRST = 4.0  # logit with which every label counts as present before anything is learnt
_PATCH = 4  # side in cells of the patch in which a label must be seen together
_LEAST = 1e-3  # share that counts as none


class PresenceHead(nn.Module):
    """Tells which labels a person shows, from features and from where each label is seen.

    Args:
        inputs: channels of the features.
        hidden: channels inside.
        labels: number of label ids.
        grid: rows and columns of the features; multiples of 16 and 8.

    Source: Zhang et al., Context Encoding for Semantic Segmentation, CVPR 2018, whose presence loss
    this is. Differs: features of one person in place of an image's; a grid of 4 x 2 in place of
    codewords, since people stand upright; it sees the person's map, too, without which it learns
    slowly; and the logits are used, see `add_presence`.
    """

    def __init__(self, inputs: int, hidden: int, labels: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.cells = grid[0] // (4 * _ROWS), grid[1] // (4 * _COLUMNS)
        self.first = ConvBlock(inputs, hidden, norm=False)
        self.second = ConvBlock(hidden, hidden, norm=False)
        self.whole = nn.Conv2d(hidden, hidden, (_ROWS, _COLUMNS))
        # Convolutions of one cell: an export keeps those by name.
        self.joined = nn.Conv2d(hidden + 2 * labels, hidden, 1)
        self.labels = nn.Conv2d(hidden, labels, 1)
        self.seen = nn.Conv2d(2 * labels, labels, 1)
        for layer in (self.whole, self.joined):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        for layer in (self.labels, self.seen):
            nn.init.normal_(layer.weight, std=0.001)
        for layer in (self.whole, self.joined, self.labels):
            nn.init.constant_(_bias_of(layer), 0.0)
        nn.init.constant_(_bias_of(self.seen), _AT_FIRST)

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        """Map (K, C, rows, columns) features and (K, labels, ...) part logits to (K, labels)."""
        half = self.second(functional.avg_pool2d(self.first(functional.avg_pool2d(features, 2)), 2))
        whole = torch.relu(self.whole(functional.avg_pool2d(half, self.cells)))
        seen = see_labels(logits)[:, :, None, None].to(whole.dtype)
        joined = torch.relu(self.joined(torch.cat([whole, seen], dim=1)))
        return (self.labels(joined) + self.seen(seen)).flatten(1)


def see_labels(logits: Tensor) -> Tensor:
    """Return how much of a person each label has, and how clear it is where it is clearest.

    Args:
        logits: (K, labels, rows, columns), sides multiples of 4.

    Returns:
        (K, 2 * labels): logarithm of the mean probability, then of that of the best patch.
    """
    patches = functional.avg_pool2d(logits.float().softmax(dim=1), _PATCH)
    shares = torch.cat([patches.mean(dim=(2, 3)), patches.amax(dim=(2, 3))], dim=1)
    return torch.log(shares + _LEAST)


def add_presence(logits: Tensor, presence: Tensor) -> Tensor:
    """Add the logarithm of each label's probability to be there at all; background always is.

    Args:
        logits: (K, labels, rows, columns).
        presence: (K, labels) logits of `PresenceHead`.
    """
    added = -functional.softplus(-presence)
    added = torch.cat([torch.zeros_like(added[:, :1]), added[:, 1:]], dim=1)
    return logits + added[:, :, None, None]


def _bias_of(layer: nn.Conv2d) -> Tensor:
    """Return the bias of a convolution that has one."""
    assert layer.bias is not None
    return layer.bias
