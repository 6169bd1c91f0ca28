"""Feature networks: sizes, folded batch norm, starting weights, and what goes wrong with them."""

from __future__ import annotations

import re

import pytest

torch = pytest.importorskip("torch")

import torchvision  # noqa: E402
from torch import nn  # noqa: E402

from peopleparse.errors import ModelError  # noqa: E402
from peopleparse.nn.backbones import (  # noqa: E402
    MobileNetV2Features,
    Resnet101Features,
    Vgg16Features,
    count_parameters,
    freeze_batch_norm,
)


def random_mobilenet(seed: int = 0) -> nn.Sequential:
    """Return torchvision's features with random weights and random batch norm statistics."""
    torch.manual_seed(seed)
    features = torchvision.models.mobilenet_v2(weights=None).features[:18].eval()
    for module in features.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return features


def write_weights(path, features, leave_out: str = ""):
    from safetensors.torch import save_file

    state = {f"features.{name}": value for name, value in features.state_dict().items()}
    save_file({k: v.contiguous() for k, v in state.items() if k != leave_out}, path)
    return path


def run_parts(network: MobileNetV2Features, image):
    """Return the maps at strides 4, 8, 16, 32."""
    maps = [network.to_4(image / 127.5 - 1)]
    for part in (network.to_8, network.to_16, network.to_32):
        maps.append(part(maps[-1]))
    return maps


@pytest.fixture(scope="module")
def small() -> MobileNetV2Features:
    torch.manual_seed(0)
    return MobileNetV2Features(64).eval()


@pytest.mark.parametrize("height, width", [(32, 96), (96, 32), (160, 96)])
@torch.no_grad()
def test_mobilenet_maps_have_their_strides(small, height, width):
    coarse, fine = small(torch.zeros(2, 3, height, width))
    assert coarse.shape == (2, small.channels, height // small.stride, width // small.stride)
    assert fine.shape == (2, small.fine, height // small.fine_stride, width // small.fine_stride)
    sides = [maps.shape[2] for maps in run_parts(small, torch.zeros(1, 3, height, width))]
    assert sides == [height // stride for stride in (4, 8, 16, 32)]


@torch.no_grad()
def test_folding_batch_norm_changes_no_output(tmp_path):
    features = random_mobilenet()
    network = MobileNetV2Features(64, write_weights(tmp_path / "w.safetensors", features)).eval()
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255
    maps = image / 127.5 - 1
    for ours, stop in zip(run_parts(network, image), (4, 7, 14, 18), strict=True):
        theirs = features[:stop](maps)
        assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()


def test_no_batch_norm_is_left_in_the_folded_layers(small):
    for part in (small.to_4, small.to_8, small.to_16, small.to_32):
        assert not any(isinstance(module, nn.BatchNorm2d) for module in part.modules())
        convolutions = [m for m in part.modules() if isinstance(m, nn.Conv2d)]
        assert convolutions and all(conv.bias is not None for conv in convolutions)


def test_the_first_layers_and_folded_biases_keep_their_weights(small):
    assert not any(p.requires_grad for p in small.to_4.parameters())
    folded = {
        f"{part}.{name}"
        for part in ("to_8", "to_16", "to_32")
        for name, _ in getattr(small, part).named_parameters()
        if name.endswith(".bias")
    }
    rest = {n: p for n, p in small.named_parameters() if not n.startswith("to_4.")}
    assert {name for name, p in rest.items() if not p.requires_grad} == folded
    assert count_parameters(small) == sum(p.numel() for n, p in rest.items() if n not in folded)


def test_freeze_batch_norm_keeps_statistics():
    torch.manual_seed(0)
    network = MobileNetV2Features(16).train()
    freeze_batch_norm(network)
    before = {name: value.clone() for name, value in network.named_buffers()}
    network(torch.rand(1, 3, 64, 64) * 255)
    assert before and all(torch.equal(v, before[n]) for n, v in network.named_buffers())


def test_missing_file_is_an_error(tmp_path):
    path = tmp_path / "none.safetensors"
    text = (
        f"backbone weights must be a safetensors file, got none, at {path}. "
        "Name the file, or give None to start from chance."
    )
    with pytest.raises(ModelError, match=re.escape(text)):
        MobileNetV2Features(64, path)


def test_missing_tensors_are_an_error(tmp_path):
    features = random_mobilenet()
    count, gone = len(features.state_dict()), "0.0.weight"
    path = write_weights(tmp_path / "w.safetensors", features, leave_out=f"features.{gone}")
    text = (
        f"backbone weights must hold {count} tensors named features.*, got 1 fewer "
        f"(first: {gone}), at {path}. Use torchvision's naming."
    )
    with pytest.raises(ModelError, match=re.escape(text)):
        MobileNetV2Features(64, path)


def test_a_broken_file_is_an_error(tmp_path):
    whole = write_weights(tmp_path / "w.safetensors", random_mobilenet())
    path = tmp_path / "half.safetensors"
    path.write_bytes(whole.read_bytes()[:5000])
    with pytest.raises(ModelError, match="backbone weights must be readable by safetensors, got"):
        MobileNetV2Features(64, path)


@pytest.mark.parametrize("name", ["mobilenet_v2_imagenet", "mobilenet_v2_deeplab_voc"])
@torch.no_grad()
def test_real_starting_weights_load(data_root, name):
    path = data_root / "backbones" / f"{name}.safetensors"
    network = MobileNetV2Features(64, path).eval()
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255
    coarse, fine = network(image)
    assert torch.isfinite(coarse).all() and torch.isfinite(fine).all()
    other = MobileNetV2Features(64).eval()
    assert not torch.allclose(other.to_4[0][0].weight, network.to_4[0][0].weight)


@torch.no_grad()
def test_vgg_keeps_stride_8_with_a_dilated_conv5():
    torch.manual_seed(0)
    network = Vgg16Features().eval()
    for height, width in ((64, 96), (40, 24), (65, 33)):
        maps, fine = network(torch.zeros(1, 3, height, width))
        # A crop of 321 pixels gives 41 cells, so sides are rounded up.
        assert maps.shape == (1, 512, -(-height // 8), -(-width // 8)) and fine is None
    assert (network.stride, network.channels, network.fine) == (8, 512, 0)
    convolutions = [m for m in network.layers if isinstance(m, nn.Conv2d)]
    assert [conv.dilation[0] for conv in convolutions] == [1] * 10 + [2] * 3
    assert isinstance(network.layers[-1], nn.ReLU)  # conv5_3 ends with its activation
    pools = [m for m in network.layers if isinstance(m, nn.MaxPool2d)]
    assert [(pool.kernel_size, pool.stride, pool.padding) for pool in pools] == [
        *[(3, 2, 1)] * 3,
        (3, 1, 1),  # pool4; pool5 comes after conv5_3
    ]


@torch.inference_mode()
def test_resnet_keeps_stride_8_with_dilated_conv4_and_conv5():
    with torch.device("meta"):  # shapes without numbers
        network = Resnet101Features().eval()
        for height, width in ((64, 96), (321, 33)):
            maps, fine = network(torch.zeros(1, 3, height, width))
            assert maps.shape == (1, 2048, -(-height // 8), -(-width // 8)) and fine is None
    assert (network.stride, network.channels, network.fine) == (8, 2048, 0)
    stages = network.layers[1:]
    assert [len(stage) for stage in stages] == [3, 4, 23, 3]
    for stage, rate in zip(stages, (1, 1, 2, 4), strict=True):
        assert {(block.conv2.dilation, block.conv2.padding) for block in stage} == {
            ((rate, rate), (rate, rate))
        }
    strides = [max(m.stride for m in s.modules() if isinstance(m, nn.Conv2d)) for s in stages]
    assert strides == [(1, 1), (2, 2), (1, 1), (1, 1)]
    kept = sum(p.numel() for p in torchvision_resnet().parameters()) - (2048 + 1) * 1000
    assert count_parameters(network) == kept


@torch.no_grad()
def test_a_fresh_block_of_resnet_is_the_identity(monkeypatch):
    # Random numbers for 42 million weights take seconds; batch norm starts without them.
    monkeypatch.setattr(nn.init, "kaiming_normal_", lambda tensor, **_: tensor.zero_())
    monkeypatch.setattr(nn.init, "kaiming_uniform_", lambda tensor, **_: tensor.zero_())
    stages = Resnet101Features().layers[1:]
    assert not any(block.bn3.weight.any() for stage in stages for block in stage)
    assert all((block.bn2.weight == 1).all() for stage in stages for block in stage)


def torchvision_resnet():
    with torch.device("meta"):
        return torchvision.models.resnet101(weights=None)


@torch.no_grad()
def test_the_published_mean_is_taken_away():
    colour = torch.tensor([122.675, 116.669, 104.008]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    for kind in (Vgg16Features, Resnet101Features):
        with torch.device("meta"):
            network = kind()
        network.layers = nn.Sequential()
        assert network(colour)[0].abs().max() < 1e-4
