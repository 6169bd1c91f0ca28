"""The paper's adjustment of a person RoI to its face, and the way back.

RoI Align itself is torchvision's. The way back resamples each person's own small map, which is two
matrix products: out = Wy M Wx^T, where a row of Wy (Wx) holds the weights of one output row
(column).

Source: GPS paper, section 4.1; closed form of the padded box derived from it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def sample_weights(start: Tensor, length: Tensor, cells: int, size: int, samples: int) -> Tensor:
    """Return the weights that resample one axis.

    Args:
        start, length: (K,) where the box begins and how long it is, in cells of the source.
        cells: output cells along the axis.
        size: source cells along the axis.
        samples: points averaged in each output cell.

    Returns:
        (K, cells, size). Points up to one cell outside repeat the border; further out they are 0.
    """
    points = (torch.arange(cells * samples, device=start.device) + 0.5) / (cells * samples)
    at = start[:, None] + length[:, None] * points - 0.5  # (K, cells * samples)
    inside = (at >= -1) & (at <= size)
    source = torch.arange(size, device=start.device, dtype=at.dtype)
    near = 1 - (at.clamp(0, size - 1)[..., None] - source).abs()
    weights = near.clamp(min=0) * inside[..., None]
    return weights.unflatten(1, (cells, samples)).mean(dim=2)


def adjust_boxes(
    boxes: Tensor, faces: Tensor, has_face: Tensor, anchor: tuple[float, float]
) -> Tensor:
    """Pad each person box so that the centre of its face lies at a fixed relative place.

    The padded box is the smallest one that holds the person box; without a face it stays as it is.

    Args:
        boxes: (K, 4) person boxes.
        faces: (K, 4) boxes of their major faces; any numbers where there is none.
        has_face: (K,) bool.
        anchor: where the face's centre shall lie, x and y as shares of the padded box.

    Returns:
        (K, 4) padded boxes.

    Source: GPS paper, section 4.1 and figure 5.
    """
    share = boxes.new_tensor(anchor)
    low, high = boxes[:, :2], boxes[:, 2:]
    centre = (faces[:, :2] + faces[:, 2:]) / 2
    # A face detected a little outside its person must not shrink the box.
    centre = torch.maximum(torch.minimum(centre, high), low)
    side = torch.maximum((centre - low) / share, (high - centre) / (1 - share))
    start = centre - share * side
    adjusted = torch.cat([start, start + side], dim=1)
    return torch.where(has_face[:, None], adjusted, boxes)


def adjust_back(maps: Tensor, adjusted: Tensor, boxes: Tensor) -> Tensor:
    """Resample maps from the grid of the adjusted boxes to the grid of the real boxes.

    Args:
        maps: (K, C, rows, columns) on the grid of `adjusted`.
        adjusted, boxes: (K, 4).

    Returns:
        (K, C, rows, columns) on the grid of `boxes`.
    """
    rows, columns = maps.shape[2:]
    cells = boxes.new_tensor([columns, rows])
    side = adjusted[:, 2:] - adjusted[:, :2]
    start = (boxes[:, :2] - adjusted[:, :2]) / side * cells
    length = (boxes[:, 2:] - boxes[:, :2]) / side * cells
    down = sample_weights(start[:, 1], length[:, 1], rows, rows, 1).to(maps.dtype)
    across = sample_weights(start[:, 0], length[:, 0], columns, columns, 1).to(maps.dtype)
    return down[:, None] @ maps @ across[:, None].transpose(2, 3)
