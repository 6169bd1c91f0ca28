"""Resize images and maps so that cells stay where they lie on the image.

Two grids are in use. Where a network halves maps by convolutions or 3 x 3 pools with padding 1,
cell i lies on pixel i * stride ("corners"). Where it halves them by 2 x 2 pools, cell i covers
pixels i * stride to (i + 1) * stride - 1 and lies in their middle.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def rescale(image: Tensor, scale: float) -> Tensor:
    """Resize (B, C, H, W) bilinearly, corners on corners: n pixels become int((n - 1) * scale) + 1.

    321 pixels at scales .75 and .5 are 241 and 161, as the "Interp" layers of DeepLab have them.
    """
    if scale == 1:
        return image
    height, width = (int((int(side) - 1) * scale) + 1 for side in image.shape[2:])
    return resize_to(image, (height, width))


def resize_to(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (B, C, h, w) bilinearly to a size, corners on corners."""
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return functional.interpolate(maps, size, mode="bilinear", align_corners=True)


def upsample(maps: Tensor, factor: int, size: tuple[int, int], corners: bool = True) -> Tensor:
    """Bring maps to a grid `factor` times as fine, bilinearly; the outermost values go on.

    Args:
        maps: (B, C, h, w).
        factor: cells of the fine grid in one coarse cell.
        size: rows and columns of the fine grid, at most `factor` times those of the maps.
        corners: cells of both grids lie on their first pixel; otherwise in their middle.
    """
    rows, columns = maps.shape[2:]
    if corners:
        grown = functional.interpolate(
            functional.pad(maps, (0, 1, 0, 1), mode="replicate"),
            (rows * factor + 1, columns * factor + 1),
            mode="bilinear",
            align_corners=True,
        )
    else:
        grown = functional.interpolate(
            maps, (rows * factor, columns * factor), mode="bilinear", align_corners=False
        )
    return grown[:, :, : size[0], : size[1]]
