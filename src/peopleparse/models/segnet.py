"""SegNet: an encoder that remembers where its maxima stood, a decoder that puts them back there.

Source: Badrinarayanan, Kendall, Cipolla, SegNet (PAMI 2017), figures 2 and 3;
alexgkendall/caffe-segnet and SegNet-Tutorial, Models.
Differs: odd sizes are taken as they are, pools count a last odd row; colours lose their mean, where
the release normalises them locally.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from peopleparse.nn.blocks import ConvBlock
from peopleparse.nn.pooling import pool_with_indices, unpool


class SegNet(nn.Module):
    """Encoder and decoder are mirror images; only pooling indices pass between their stages.

    Args:
        encoders: stages of the encoder; a pool follows each.
        decoders: stages of the decoder in the order of running; one upsampling by the indices of
            its encoder stands before each. The last gives label logits.
        stride: pixels a cell of the logits.
        field: pixels across that the encoder's last value sees.
        middle: what the encoder's last values go through before the decoder; nothing in the paper.
    """

    def __init__(
        self,
        encoders: Sequence[nn.Module],
        decoders: Sequence[nn.Module],
        stride: int,
        field: int,
        middle: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.encoders, self.decoders = nn.ModuleList(encoders), nn.ModuleList(decoders)
        self.middle = middle or nn.Identity()
        self.stride, self.field = stride, field

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Map (B, 3, H, W) RGB, 0 to 255, to logits (B, labels, H/stride, W/stride)."""
        maps, pooled = image, []
        for encoder in self.encoders:
            maps = encoder(maps)
            size = maps.shape[2:]
            maps, indices = pool_with_indices(maps)
            pooled.append((indices, size))
        maps = self.middle(maps)
        for decoder, (indices, size) in zip(self.decoders, reversed(pooled), strict=True):
            maps = decoder(unpool(maps, indices, size))
        return {"logits": maps}


def mirror_stage(channels: Sequence[int], labels: int = 0) -> nn.Sequential:
    """Return a decoder stage: 3 x 3 convolutions with batch norm and ReLU.

    Args:
        channels: of the maps before and after each convolution.
        labels: where not 0, one more convolution gives so many logits, with neither.
    """
    sizes = zip(channels, channels[1:], strict=False)
    layers: list[nn.Module] = [ConvBlock(a, b) for a, b in sizes]
    if labels:
        layers.append(nn.Conv2d(channels[-1], labels, 3, padding=1))
    return nn.Sequential(*layers)
