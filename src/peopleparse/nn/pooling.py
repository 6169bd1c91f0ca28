"""Max pooling that remembers where each maximum stood, and its way back."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def pool_with_indices(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Halve (B, C, h, w) by 2 x 2 maxima; return them and their places in row-major order.

    An odd last row or column has windows of its own, so that no pixel is lost.
    """
    return functional.max_pool2d(maps, 2, ceil_mode=True, return_indices=True)


def unpool(maps: Tensor, indices: Tensor, size: tuple[int, int]) -> Tensor:
    """Put values back where the maxima stood, 0 elsewhere.

    Args:
        maps: (B, C, h, w) values; indices: of `pool_with_indices`, same shape.
        size: rows and columns before pooling.

    Returns:
        (B, C, *size), as nn.MaxUnpool2d gives it, which has no ONNX export.
    """
    batch, channels = maps.shape[:2]
    flat = maps.new_zeros(batch, channels, size[0] * size[1])
    flat = flat.scatter(2, indices.flatten(2), maps.flatten(2))
    return flat.view(batch, channels, *size)
