"""FCN-8s: scores of the deepest map, summed with those of two finer ones, brought up to the image.

Source: Long, Shelhamer, Darrell, Fully Convolutional Networks (CVPR 2015; PAMI 2017), figure 3;
shelhamer/fcn.berkeleyvision.org, voc-fcn8s-atonce (all upsampling fixed and bilinear).
Differs: fc6 is padded by half its kernel, where the released network pads the image by 100 pixels
and crops; scoring layers start near zero instead of at zero; fc6 and fc7 start from chance.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from peopleparse.nn.aspp import make_classifier
from peopleparse.nn.blocks import ConvBlock
from peopleparse.nn.resize import upsample


class FCN8s(nn.Module):
    """Three stages of a backbone, a classifier on each, skip sums.

    Args:
        stages: of the backbone, three; they give maps at strides 8, 16 and 32.
        channels: of the three maps, finest first.
        head: fc6 and fc7, see `make_head`.
        hidden: channels of fc7.
        labels: number of label ids.
        corners: where the backbone's cells lie, see nn.resize.
        factors: of the maps at strides 8 and 16 before they are scored; small ones keep VGG's large
            values from drowning the deepest scores.
        field: pixels across that a value of fc7 sees.
    """

    stride = 1

    def __init__(
        self,
        stages: Sequence[nn.Module],
        channels: tuple[int, int, int],
        head: nn.Module,
        hidden: int,
        labels: int,
        corners: bool,
        factors: tuple[float, float],
        field: int,
    ) -> None:
        super().__init__()
        self.to_8, self.to_16, self.to_32 = stages
        self.head = head
        self.score_pool3 = make_classifier(channels[0], labels)
        self.score_pool4 = make_classifier(channels[1], labels)
        self.score_fc7 = make_classifier(hidden, labels)
        self.corners, self.factors, self.field = corners, factors, field

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Map (B, 3, H, W) RGB, 0 to 255, to logits (B, labels, H, W)."""
        pool3 = self.to_8(image)
        pool4 = self.to_16(pool3)
        fc7 = self.head(self.to_32(pool4))
        at_16 = self._up(self.score_fc7(fc7), 2, pool4)
        at_16 = at_16 + self.score_pool4(pool4 * self.factors[1])
        at_8 = self._up(at_16, 2, pool3) + self.score_pool3(pool3 * self.factors[0])
        return {"logits": self._up(at_8, 8, image)}

    def _up(self, maps: Tensor, factor: int, like: Tensor) -> Tensor:
        return upsample(maps, factor, (like.shape[2], like.shape[3]), self.corners)


def make_head(
    inputs: int, hidden: int, kernel: int, dropout: float, norm: bool = False
) -> nn.Sequential:
    """Return fc6 and fc7, the fully connected layers of VGG-16 made convolutions."""
    return nn.Sequential(
        ConvBlock(inputs, hidden, kernel, norm=norm),
        nn.Dropout(dropout),
        ConvBlock(hidden, hidden, kernel=1, norm=norm),
        nn.Dropout(dropout),
    )
