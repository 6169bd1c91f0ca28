"""Loss of part maps: weighted cross-entropy, dearer on boundaries where asked, and soft Dice."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from peopleparse.labels.scheme import IGNORE_ID

SHOWN = 4  # cells of a person's map from which on a label counts as shown


def label_weights(frequencies: Tensor, power: float) -> Tensor:
    """Return one weight a label: (1 / frequency) ** power, with a mean of 1.

    Args:
        frequencies: (C,) share of pixels of each label; 0 counts as one pixel in a million.
        power: 0 weighs all labels alike.
    """
    weights = frequencies.clamp(min=1e-6) ** -power
    return weights / weights.mean()


def parsing_loss(
    logits: Tensor,
    target: Tensor,
    weights: Tensor | None,
    dice: float = 0.0,
    boundary: float = 0.0,
) -> Tensor:
    """Cross-entropy plus `dice` times soft Dice over the labels present in the batch.

    Args:
        logits: (N, C, h, w).
        target: (N, h, w) int64; 255 is ignored.
        weights: (C,) or None.
        dice: factor of the Dice part.
        boundary: how much more a cell counts that has another label above, below or beside it.
    """
    logits = logits.float()
    # All ignored would divide by zero; then there is nothing to learn.
    if not (target != IGNORE_ID).any():
        return logits.sum() * 0
    if boundary:
        loss = _boundary_entropy(logits, target, weights, boundary)
    else:
        loss = functional.cross_entropy(logits, target, weights, ignore_index=IGNORE_ID)
    return loss + dice * dice_loss(logits, target) if dice else loss


def _boundary_entropy(
    logits: Tensor, target: Tensor, weights: Tensor | None, boundary: float
) -> Tensor:
    """Return cross-entropy, a mean by weight as torch has it, with more weight on boundaries."""
    each = functional.cross_entropy(
        logits, target, weights, ignore_index=IGNORE_ID, reduction="none"
    )
    labels = target.where(target != IGNORE_ID, 0)
    factor = torch.ones_like(each) if weights is None else weights[labels]
    factor = factor * (target != IGNORE_ID)
    edge = 1 + boundary * find_boundaries(target)
    return (each * edge).sum() / (factor * edge).sum()


def find_boundaries(target: Tensor) -> Tensor:
    """Return where a cell has another label above, below or beside it, (N, h, w) bool.

    Ignored cells are on no boundary and make none.
    """
    edges = torch.zeros_like(target, dtype=torch.bool)
    for dim in (1, 2):
        size = target.shape[dim] - 1
        first, second = target.narrow(dim, 0, size), target.narrow(dim, 1, size)
        differ = (first != second) & (first != IGNORE_ID) & (second != IGNORE_ID)
        edges.narrow(dim, 0, size).logical_or_(differ)
        edges.narrow(dim, 1, size).logical_or_(differ)
    return edges


def dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return 1 - mean Dice of the labels present in the batch.

    Source: Milletari et al., V-Net; here over the whole batch and only labels that occur in it.
    """
    valid = target != IGNORE_ID
    probs = logits.softmax(dim=1) * valid[:, None]
    truth = functional.one_hot(target.where(valid, 0), logits.shape[1]).permute(0, 3, 1, 2)
    truth = truth * valid[:, None]
    both = (probs * truth).sum(dim=(0, 2, 3))
    either = probs.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3))
    present = truth.sum(dim=(0, 2, 3)) > 0
    return 1 - (2 * both[present] / either[present].clamp(min=1e-6)).mean()


def presence_loss(presence: Tensor, target: Tensor) -> Tensor:
    """Return the binary cross-entropy of which labels a person shows, without background.

    A label is there where at least `SHOWN` cells have it. A person whose cells are all background
    or ignored counts nothing.

    Args:
        presence: (K, C) logits.
        target: (K, rows, columns) int64; 255 is ignored.

    Source: Zhang et al., Context Encoding for Semantic Segmentation, CVPR 2018.
    """
    presence = presence.float()[:, 1:]
    kept = target.where(target != IGNORE_ID, 0).flatten(1)
    counts = functional.one_hot(kept, presence.shape[1] + 1).sum(dim=1)[:, 1:]
    some = (counts > 0).any(dim=1)
    if not some.any():
        return presence.sum() * 0
    truth = (counts >= SHOWN).float()
    return functional.binary_cross_entropy_with_logits(presence[some], truth[some])


def sample_truth(
    parsing: Tensor,
    owners: Tensor,
    batch: Tensor,
    persons: Tensor,
    boxes: Tensor,
    grid: tuple[int, int],
) -> Tensor:
    """Read each person's own labels at the centres of the cells of its box.

    Args:
        parsing: (B, H, W) uint8 labels.
        owners: (B, H, W) int16 person numbers; -1 ignored.
        batch, persons: (K,) image index and number of each person.
        boxes: (K, 4) in pixels; may reach outside the image, which is background.
        grid: rows and columns.

    Returns:
        (K, rows, columns) int64; everyone else is background; 255 ignored.
    """
    height, width = parsing.shape[1:]
    rows, columns = _cell_centres(boxes, grid)
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[
        :, None, :
    ]
    y = rows.clamp(0, height - 1).long()[:, :, None]
    x = columns.clamp(0, width - 1).long()[:, None, :]
    image = batch[:, None, None]
    owner, label = owners[image, y, x], parsing[image, y, x].long()
    target = torch.where(owner == persons[:, None, None], label, 0)
    target = torch.where(owner == -1, IGNORE_ID, target)
    return torch.where(inside, target, 0)


def _cell_centres(boxes: Tensor, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    sides = boxes[:, 2:] - boxes[:, :2]
    down = (torch.arange(grid[0], device=boxes.device) + 0.5) / grid[0]
    across = (torch.arange(grid[1], device=boxes.device) + 0.5) / grid[1]
    rows = boxes[:, 1:2] + sides[:, 1:2] * down
    columns = boxes[:, 0:1] + sides[:, 0:1] * across
    return rows.floor(), columns.floor()
