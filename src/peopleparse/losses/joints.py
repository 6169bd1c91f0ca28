"""Joints of label maps: where they are, and how far two sets of them lie apart.

A joint is the centre of the labels that the scheme's table gives to it (`Label.joint`): nine for
LIP and GPS.

Source: Gong et al., "Look into Person" (CVPR 2017), section 4. Engineering-Course/caffe_ssl,
src/caffe/layers: pose_evaluate, pose_create, heatmap_error (.cpp).
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from peopleparse.labels.scheme import IGNORE_ID, Scheme

AMPLITUDE = 4 / math.sqrt(2 * math.pi)  # height of a joint's bell; its deviation is one cell
MISSING = 0.5  # sides; farther than a left part is from the right one, so hiding it never pays
_SMALLEST_MASS = 1e-6


class Joints(NamedTuple):
    """Where each person's joints are.

    Attributes:
        centers: (K, J, 2) float, x and y in cells; whatever it is, it means nothing where absent.
        present: (K, J) bool, or float in [0, 1].
    """

    centers: Tensor
    present: Tensor


def joint_centers(
    parsing: Tensor, scheme: Scheme, truncate: bool = True, ignore_id: int = IGNORE_ID
) -> Joints:
    """Return the mean x and mean y of all pixels of each joint's labels.

    Args:
        parsing: (K, h, w) int64 label ids of the scheme, one person each.
        scheme: its joints are counted in the order of `scheme.joints`.
        truncate: drop the fraction, as the released code does.
        ignore_id: pixels of this id belong to no joint.

    Source: pose_evaluate_layer.cpp. Differs: an absent joint is marked, not put at (0, 0); there
    the lists of pixels are made outside the loop over images, so that from the second image of a
    batch on they hold earlier people's pixels too: they are valid for batch 1 only.
    """
    num, height, width = parsing.shape
    none = len(scheme.joints)
    table = torch.tensor(_joint_of_label(scheme), device=parsing.device)
    valid = parsing != ignore_id
    joint = table[parsing.where(valid, 0).long()].where(valid, none).flatten(1)  # (K, h * w)
    grid = _coordinates(height, width, parsing.device)  # (3, h * w): 1, x, y
    sums = grid.new_zeros(num, 3, none + 1)
    # Whole numbers add up exactly, in any order.
    sums.scatter_add_(2, joint[:, None].expand(-1, 3, -1), grid.expand(num, -1, -1))
    count, total = sums[:, 0, :-1], sums[:, 1:, :-1].transpose(1, 2)  # (K, J), (K, J, 2)
    size = count.clamp(min=1)[..., None]
    return Joints((total // size).float() if truncate else total / size, count > 0)


def soft_joint_centers(probs: Tensor, scheme: Scheme, valid: Tensor | None = None) -> Joints:
    """Return the expected x and y of each joint under softmax maps, with a gradient.

    A pixel counts by the square of its probability of being the joint: thousands of pixels that
    are faintly a shoe would otherwise outweigh the shoe, and draw it to the middle of the map.

    Args:
        probs: (K, C, h, w) float, label probabilities of the scheme.
        scheme: its joints are counted in the order of `scheme.joints`.
        valid: (K, h, w) bool, the pixels that count; None for all.

    Returns:
        `present` is 1 - exp(-sum of the squares): a joint of one sure pixel is .63 there, one of
        five pixels .993. Sure maps give the means that `joint_centers` does not truncate.
    """
    height, width = probs.shape[2:]
    table = torch.tensor(_joint_of_label(scheme), device=probs.device)
    members = functional.one_hot(table, len(scheme.joints) + 1)[:, :-1].to(probs.dtype)  # (C, J)
    shares = (members.T @ probs.flatten(2)).square()  # (K, J, h * w)
    if valid is not None:
        shares = shares * valid.flatten(1)[:, None]
    sums = shares @ _coordinates(height, width, probs.device).to(probs.dtype).T  # (K, J, 3)
    mass = sums[..., 0]
    return Joints(sums[..., 1:] / mass.clamp(min=_SMALLEST_MASS)[..., None], -torch.expm1(-mass))


def center_errors(prediction: Joints, truth: Joints, grid: tuple[int, int]) -> Tensor:
    """Return each joint's squared displacement, (K, J); 1 is the longer side of the grid.

    A joint that only one of the two has costs as much as one displaced by MISSING sides; one that
    is `present` by a part costs that part of each; one that neither has costs nothing.

    Args:
        prediction, truth: joints of the same people.
        grid: rows and columns of the maps.
    """
    offset = (prediction.centers - truth.centers) / max(grid)
    there = prediction.present.to(offset.dtype)
    real = truth.present.to(offset.dtype)
    both = there * real
    return both * offset.square().sum(-1) + (there + real - 2 * both) * MISSING**2


def heatmap_errors(prediction: Joints, truth: Joints, grid: tuple[int, int]) -> Tensor:
    """Return each joint's squared difference of heat maps, summed over the grid, (K, J).

    A heat map is a bell of AMPLITUDE whose deviation is one cell, cut off at the grid's border; an
    absent joint's is zero. Exact on the grid, not the integral over the plane; no map is drawn,
    because a bell is the product of a row and a column.

    Args:
        prediction, truth: joints of the same people.
        grid: rows and columns of the maps.

    Source: pose_create_layer.cpp, heatmap_error_layer.cpp.
    """
    (left, top), (right, bottom) = _bells(prediction.centers, grid), _bells(truth.centers, grid)
    there, real = prediction.present.to(left.dtype), truth.present.to(left.dtype)
    own = left.square().sum(-1) * top.square().sum(-1)
    other = right.square().sum(-1) * bottom.square().sum(-1)
    shared = (left * right).sum(-1) * (top * bottom).sum(-1)
    error = there.square() * own + real.square() * other - 2 * there * real * shared
    return AMPLITUDE**2 * error.clamp(min=0)


@cache
def _joint_of_label(scheme: Scheme) -> tuple[int, ...]:
    """Joint number of every id slot; len(scheme.joints) for none."""
    table = [len(scheme.joints)] * scheme.num_ids
    for label in scheme.labels:
        if label.joint:
            table[label.id] = scheme.joints.index(label.joint)
    return tuple(table)


def _coordinates(height: int, width: int, device: torch.device) -> Tensor:
    x = torch.arange(width, device=device).repeat(height)
    y = torch.arange(height, device=device).repeat_interleave(width)
    return torch.stack([torch.ones_like(x), x, y])


def _bells(centers: Tensor, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Each joint's bell along its row and its column: (K, J, w), (K, J, h)."""
    x = torch.arange(grid[1], device=centers.device) - centers[..., :1]
    y = torch.arange(grid[0], device=centers.device) - centers[..., 1:]
    return torch.exp(-x.square() / 2), torch.exp(-y.square() / 2)
