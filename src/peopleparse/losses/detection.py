"""Loss of the dense detector: where people and faces are, and how large.

Source: Zhou et al., "Objects as Points" (heat and its focal loss); Liu et al., "Training-Time-
Friendly Network" (Gaussians as long as the object, box loss weighted by them).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

_SPREAD = 0.54 / 6  # standard deviation of the Gaussian, in box sides
_REGION = 0.25  # cells whose Gaussian is above this learn the box


def make_heat_targets(
    boxes: NDArray[np.float32], height: int, width: int, stride: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Draw the targets of one kind of object for one image.

    Args:
        boxes: (N, 4) in pixels.
        height, width: cells.
        stride: pixels a cell.

    Returns:
        heat (height, width), 1 at the cell of each centre; box (4, height, width) in pixels; weight
        (height, width), 0 where no box is to be learnt. A smaller object wins over a larger one.
    """
    heat = np.zeros((height, width), np.float32)
    target = np.zeros((4, height, width), np.float32)
    weight = np.zeros((height, width), np.float32)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    ys, xs = np.arange(height)[:, None], np.arange(width)[None, :]
    for index in np.argsort(-areas):
        x1, y1, x2, y2 = boxes[index]
        cx = int(np.clip((x1 + x2) / 2 / stride, 0, width - 1))
        cy = int(np.clip((y1 + y2) / 2 / stride, 0, height - 1))
        sx = max((x2 - x1) / stride * _SPREAD, 0.3)
        sy = max((y2 - y1) / stride * _SPREAD, 0.3)
        bump = np.exp(-(((xs - cx) / sx) ** 2 + ((ys - cy) / sy) ** 2) / 2).astype(np.float32)
        heat = np.maximum(heat, bump)
        region = bump > _REGION
        target[:, region] = boxes[index][:, None]
        weight[region] = bump[region] / bump[region].sum()
    return heat, target, weight


def heat_loss(logits: Tensor, heat: Tensor, unsure: Tensor) -> Tensor:
    """Penalty-reduced focal loss, summed and divided by the number of objects.

    Args:
        logits: (B, 1, h, w).
        heat: (B, 1, h, w), 1 at centres.
        unsure: (B,) bool: images that show further, unannotated people; there a confident cell
            far from every centre is left alone.
    """
    prob = logits.sigmoid()
    centre = (heat == 1).float()
    hit = -torch.nn.functional.logsigmoid(logits) * (1 - prob) ** 2
    miss = -torch.nn.functional.logsigmoid(-logits) * prob**2 * (1 - heat) ** 4
    bystander = (prob.detach() > 0.3) & (heat < 0.01) & unsure[:, None, None, None]
    total = (hit * centre + miss * (1 - centre) * ~bystander).sum()
    return total / centre.sum().clamp(min=1)


def box_loss(boxes: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Generalised IoU loss of the cells near centres, one vote an object.

    Args:
        boxes, target: (B, 4, h, w) in pixels.
        weight: (B, h, w), summing to about 1 an object.
    """
    learnt = weight > 0
    if not learnt.any():
        return boxes.sum() * 0
    ours, theirs = boxes.permute(0, 2, 3, 1)[learnt], target.permute(0, 2, 3, 1)[learnt]
    loss = generalized_box_iou_loss(ours, theirs)
    return (loss * weight[learnt]).sum() / weight.sum().clamp(min=1e-6)
