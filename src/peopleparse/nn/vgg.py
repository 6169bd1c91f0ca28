"""VGG-16 in pieces, as SegNet, FCN and DeepLab take it."""

from __future__ import annotations

import torchvision
from torch import Tensor, nn

from peopleparse.nn.backbones import Vgg16Features, _published_mean


class SubtractMean(nn.Module):
    """Take the mean colour that Caffe's VGG-16 was trained with from an RGB image, 0 to 255."""

    def forward(self, image: Tensor) -> Tensor:
        """Map (B, 3, H, W) to the same shape."""
        return image - _published_mean(image)


def vgg16_stages(norm: bool) -> list[nn.Sequential]:
    """Return the convolutions of VGG-16 in five stages, without the pools after each.

    The first takes RGB images, 0 to 255. Stages give 64, 128, 256, 512 and 512 channels.

    Args:
        norm: batch norm after every convolution.
    """
    build = torchvision.models.vgg16_bn if norm else torchvision.models.vgg16
    stages: list[list[nn.Module]] = [[SubtractMean()]]
    for layer in build(weights=None).features:
        if isinstance(layer, nn.MaxPool2d):
            stages.append([])
        else:
            stages[-1].append(layer)
    return [nn.Sequential(*stage) for stage in stages[:5]]


class Vgg16Pool5(Vgg16Features):
    """DeepLab v2's VGG-16 up to pool5, which keeps the size: what fc6 reads."""

    def __init__(self) -> None:
        super().__init__()
        self.layers.append(nn.MaxPool2d(3, stride=1, padding=1))
