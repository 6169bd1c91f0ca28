"""Feature networks: a map at stride 8 that all branches share, and where asked a finer one."""

from __future__ import annotations

from pathlib import Path

import torchvision
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from peopleparse.errors import ModelError
from peopleparse.nn.blocks import ConvBlock, SeparableBlock


class FeatureNetwork(nn.Module):
    """What GPSNet asks of a backbone.

    Attributes:
        channels, stride: of the shared map.
        fine, fine_stride: of the finer map; 0 channels where there is none.
    """

    channels: int
    fine: int
    stride: int
    fine_stride: int


class MobileNetV2Features(FeatureNetwork):
    """MobileNetV2 down to stride 32 with context, brought back up to 8; a finer map at stride 4.

    Batch norm of the backbone is folded into its convolutions, before training and for good. The
    layers down to stride 4 keep their starting weights, and so do the biases that folding makes.

    Args:
        channels: of the shared map.
        weights: safetensors file in torchvision's naming (`features.*`); random where None.

    Source: Sandler et al., MobileNetV2; Lin et al., Feature Pyramid Networks.
    """

    stride, fine_stride, fine = 8, 4, 24

    def __init__(self, channels: int, weights: Path | None = None) -> None:
        super().__init__()
        layers = torchvision.models.mobilenet_v2(weights=None).features[:18]
        if weights is not None:
            _load_backbone(layers, weights)
        fold_batch_norms(layers)
        self.to_4, self.to_8 = layers[:4], layers[4:7]
        self.to_16, self.to_32 = layers[7:14], layers[14:]
        self.to_4.requires_grad_(False)
        self.channels = channels
        self.from_32, self.context = ConvBlock(320, 128, kernel=1), nn.Conv2d(320, 128, 1)
        self.wide = ConvBlock(128, 128, dilation=2)
        self.from_16, self.at_16 = ConvBlock(96, 128, kernel=1), SeparableBlock(128, channels)
        self.from_8, self.at_8 = ConvBlock(32, channels, kernel=1), ConvBlock(channels, channels)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, 3, H, W) RGB, 0 to 255, to (B, C, H/8, W/8) and (B, 24, H/4, W/4)."""
        at_4 = self.to_4(image / 127.5 - 1)
        at_8 = self.to_8(at_4)
        at_16 = self.to_16(at_8)
        at_32 = self.to_32(at_16)
        top = self.from_32(at_32)
        top = top + self.wide(top) + self.context(at_32.mean(dim=(2, 3), keepdim=True))
        middle = self.at_16(_double(top) + self.from_16(at_16))
        return self.at_8(_double(middle) + self.from_8(at_8)), at_4


def _double(maps: Tensor) -> Tensor:
    return nn.functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


class Vgg16Features(FeatureNetwork):
    """DeepLab v2's VGG-16: pool4 keeps the size, conv5 is dilated; conv5_3 at stride 8.

    Pool5 comes after conv5_3 and so belongs to the parsers.

    Source: GPS paper, section 5 ("conv5_3 with spatial dimension 1/8"); Chen et al., DeepLab v2.
    """

    stride, fine_stride = 8, 8
    channels, fine = 512, 0

    def __init__(self) -> None:
        super().__init__()
        layers = torchvision.models.vgg16(weights=None).features[:30]
        layers[23] = nn.MaxPool2d(3, stride=1, padding=1)  # pool4
        for index in (24, 26, 28):
            layers[index].dilation, layers[index].padding = (2, 2), (2, 2)
        for index in (4, 9, 16):
            layers[index] = nn.MaxPool2d(3, stride=2, padding=1)
        self.layers = layers

    def forward(self, image: Tensor) -> tuple[Tensor, None]:
        """Map (B, 3, H, W) RGB, 0 to 255, to (B, 512, H/8, W/8); there is no finer map."""
        return self.layers(image - _published_mean(image)), None


class Resnet101Features(FeatureNetwork):
    """DeepLab v2's ResNet-101: conv4 and conv5 keep the size and are dilated; 2048 channels.

    Source: Chen et al., DeepLab v2 (dilation 2 in conv4 and 4 in conv5, first blocks included).
    Differs: nothing here starts from trained weights. Batch norm therefore learns, where DeepLab v2
        keeps the statistics it starts from, and each block starts as the identity: otherwise a
        fresh network's gradient is a hundred times as large.
    """

    stride, fine_stride = 8, 8
    channels, fine = 2048, 0

    def __init__(self) -> None:
        super().__init__()
        net = torchvision.models.resnet101(
            weights=None, replace_stride_with_dilation=[False, True, True], zero_init_residual=True
        )
        # torchvision leaves the first block of a stage at the dilation of the stage before.
        for stage, rate in ((net.layer3, 2), (net.layer4, 4)):
            stage[0].conv2.dilation = stage[0].conv2.padding = (rate, rate)
        self.layers = nn.Sequential(
            nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool),
            *(net.layer1, net.layer2, net.layer3, net.layer4),
        )

    def forward(self, image: Tensor) -> tuple[Tensor, None]:
        """Map (B, 3, H, W) RGB, 0 to 255, to (B, 2048, H/8, W/8); there is no finer map."""
        return self.layers(image - _published_mean(image)), None


def _published_mean(image: Tensor) -> Tensor:
    return image.new_tensor([122.675, 116.669, 104.008]).view(1, 3, 1, 1)


def fold_batch_norms(layers: nn.Module) -> None:
    """Fold every convolution - batch norm pair of a tree of Sequentials into the convolution."""
    for module in layers.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for index in range(len(module) - 1):
            conv, norm = module[index], module[index + 1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[index] = fuse_conv_bn_eval(conv.eval(), norm.eval())
                module[index + 1] = nn.Identity()


def _load_backbone(layers: nn.Module, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ModelError(
            f"backbone weights must be a safetensors file, got none, at {path}. "
            "Name the file, or give None to start from chance."
        )
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ModelError(
            f"backbone weights must be readable by safetensors, got {error}, at {path}. "
            "Fetch the file again."
        ) from error
    state = {name.removeprefix("features."): value for name, value in tensors.items()}
    wanted = layers.state_dict()
    missing = [name for name in wanted if name not in state]
    if missing:
        raise ModelError(
            f"backbone weights must hold {len(wanted)} tensors named features.*, got "
            f"{len(missing)} fewer (first: {missing[0]}), at {path}. Use torchvision's naming."
        )
    layers.load_state_dict({name: state[name] for name in wanted})


def count_parameters(model: nn.Module) -> int:
    """Return the number of trainable values."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def freeze_batch_norm(model: nn.Module) -> None:
    """Keep the running statistics of every batch norm from changing."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
