"""Det.+Par., the first baseline of the GPS paper: find the persons, then parse each one's crop.

Source: GPS paper, section 5, "Detection + parsing".
Differs: the two networks, which share nothing, learn in the same steps instead of one after the
other; the parser sees boxes moved about as a detector would, which is also what GPSNet sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from peopleparse.models.person_rcnn import PersonRCNN
from peopleparse.nn.backbones import FeatureNetwork
from peopleparse.nn.blocks import ParsingNetwork

GREY = 127.0  # outside the image, as around an image that is padded


class DetPar(nn.Module):
    """A detector of persons and a parser of single persons, with nothing in common.

    Args:
        detector: finds persons; has a backbone of its own.
        backbone: of the parser; sees crops.
        parser: takes the backbone's maps, the finer one included where there is one, on the grid.
        crop: rows and columns of a crop, multiples of 32 where the backbone wants that.
        grid: rows and columns of the result, those of GPSNet.
    """

    def __init__(
        self,
        detector: PersonRCNN,
        backbone: FeatureNetwork,
        parser: ParsingNetwork,
        crop: tuple[int, int],
        grid: tuple[int, int],
    ) -> None:
        super().__init__()
        self.detector, self.backbone, self.parser = detector, backbone, parser
        self.crop, self.grid = crop, grid

    def forward(
        self, image: Tensor, batch: Tensor, boxes: Tensor, truths: Sequence[Mapping[str, Tensor]]
    ) -> dict[str, Tensor]:
        """Return logits of given persons, as `rois` does, and the parts of the detector's loss.

        Args:
            image: (B, 3, H, W) RGB, 0 to 255; H and W multiples of 32.
            batch: (K,) image index of each person; boxes: (K, 4) in image pixels.
            truths: see `PersonRCNN.forward`.
        """
        return {"logits": self.rois(image, batch, boxes), **self.detector(image, truths)}

    def rois(self, image: Tensor, batch: Tensor, boxes: Tensor) -> Tensor:
        """Return the (K, labels, rows, columns) logits of persons on the grid of their boxes."""
        maps = self.backbone(self.cut(image, batch, boxes))
        resized = [_resize(values, self.grid) for values in maps if values is not None]
        return self.parser(torch.cat(resized, dim=1))

    def cut(self, image: Tensor, batch: Tensor, boxes: Tensor) -> Tensor:
        """Return each person's part of its image, (K, 3, *crop); grey outside the image."""
        rois = torch.cat([batch[:, None].to(boxes.dtype), boxes], dim=1)
        around = image.float() - GREY  # the operator puts 0 where there is no image
        crops = roi_align(around, rois, self.crop, 1.0, sampling_ratio=2, aligned=True) + GREY
        return crops.contiguous(memory_format=torch.channels_last)


def _resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    if maps.shape[2:] == size:
        return maps
    return nn.functional.interpolate(maps, size, mode="bilinear", align_corners=False)
