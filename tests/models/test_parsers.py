"""One contract for the networks of the LIP paper, small and at the paper's size."""

from __future__ import annotations

import re

import pytest

torch = pytest.importorskip("torch")

import numpy as np  # noqa: E402
from torch import nn  # noqa: E402

from peopleparse.errors import ModelError  # noqa: E402
from peopleparse.models.parsers import PARSERS, build_parser  # noqa: E402
from peopleparse.nn.resize import rescale, resize_to  # noqa: E402
from tests.tools.test_tools import load_tool  # noqa: E402

DEEPLABS = ("deeplab_v2_vgg16", "deeplab_v2_resnet101")
# Name, and whether DeepLab sees three scales.
KINDS = [(name, False) for name in PARSERS] + [(name, True) for name in DEEPLABS]
PAPER_GRID = {"segnet": 321, "fcn8s": 321}  # the others: 41
kinds = pytest.mark.parametrize(("name", "multi_scale"), KINDS)


def small(name: str, multi_scale: bool = False, labels: int = 20, seed: int = 0):
    torch.manual_seed(seed)
    return build_parser(name, labels, small=True, multi_scale=multi_scale).eval()


def images(count: int = 2, height: int = 97, width: int = 131):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, height, width, generator=generator) * 255


def tensors_of(outputs):
    """Return all outputs of a network by name, lists taken apart."""
    found = {name: value for name, value in outputs.items() if name != "scales"}
    return found | {f"scales.{i}": maps for i, maps in enumerate(outputs.get("scales", []))}


@kinds
@pytest.mark.parametrize("height, width", [(64, 96), (97, 131), (33, 20)])
@torch.no_grad()
def test_outputs_have_their_shapes(name, multi_scale, height, width):
    model = small(name, multi_scale, labels=7)
    outputs = model(images(2, height, width))
    grid = (-(-height // model.stride), -(-width // model.stride))
    # Places differ: what other tests compare is not one number all over.
    assert outputs["logits"].std(dim=(2, 3)).mean() > 0.01
    several = multi_scale or name == "attention"
    assert len(outputs.get("scales", [])) == (3 if several else 0)
    assert ("attention" in outputs) is (name == "attention")
    for key, maps in tensors_of(outputs).items():
        assert maps.shape == (2, 3 if key == "attention" else 7, *grid), key
        assert torch.isfinite(maps).all(), key


def check_gradients(model, height: int, width: int) -> None:
    outputs = model.train()(images(2, height, width))
    outputs["logits"].log_softmax(1)[:, 1].mean().backward()
    assert any(p.requires_grad for p in model.parameters())
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all() and parameter.grad.any(), name


@kinds
def test_gradients_reach_every_parameter(name, multi_scale):
    check_gradients(small(name, multi_scale), 97, 131)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_gradients_reach_every_parameter_at_the_papers_size(name):
    torch.manual_seed(0)
    model = build_parser(name)
    for norm in model.modules():  # blocks of the ResNet begin as nothing
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.ones_(norm.weight)
    check_gradients(model, 65, 97)


@kinds
@torch.no_grad()
def test_a_batch_equals_its_singles(name, multi_scale):
    model, photos = small(name, multi_scale), images(3)
    together = tensors_of(model(photos))
    for index in range(3):
        for key, maps in tensors_of(model(photos[index : index + 1])).items():
            wanted = together[key][index]
            assert (maps[0] - wanted).abs().max() <= 1e-4 * (wanted.max() - wanted.min()), key


@kinds
@torch.no_grad()
def test_weights_go_out_and_in_again(name, multi_scale, tmp_path):
    model, other = small(name, multi_scale), small(name, multi_scale, seed=5)
    wanted = model(images())["logits"]
    assert not torch.equal(other(images())["logits"], wanted)
    torch.save(model.state_dict(), tmp_path / "state.pt")
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert torch.equal(other(images())["logits"], wanted)


@pytest.mark.parametrize(
    ("name", "multi_scale", "height", "width"),
    [(*kind, 97, 131) for kind in KINDS] + [("segnet", False, 64, 96), ("fcn8s", False, 64, 96)],
)
@pytest.mark.filterwarnings("ignore")  # the tracing exporter tells of its successor
@torch.no_grad()
def test_onnx_gives_what_torch_gives(name, multi_scale, height, width, tmp_path):
    import onnxruntime

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = small(name, multi_scale)

        def forward(self, image):
            return self.model(image)["logits"]

    module, image = Logits().eval(), images(2, height, width)
    path = str(tmp_path / "parser.onnx")
    torch.onnx.export(module, (image,), path, input_names=["image"], opset_version=17, dynamo=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    other = images(2, height, width).flip(0).contiguous()  # not what was traced
    seen = session.run(None, {"image": other.numpy()})[0]
    wanted = module(other).numpy()
    assert np.abs(seen - wanted).max() <= 1e-3 * np.ptp(wanted)


def conv_field(parts, pools_between: bool) -> int:
    """Return how far a value sees, by adding up kernels in the order in which layers run."""
    field, jump = 1, 1
    for part in parts:
        for name, layer in part.named_modules():
            if "downsample" in name or not isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                continue
            kernel, stride, rate = (
                value[0] if isinstance(value, tuple) else value
                for value in (layer.kernel_size, layer.stride, layer.dilation)
            )
            field, jump = field + (kernel - 1) * rate * jump, jump * stride
        if pools_between:
            field, jump = field + jump, jump * 2
    return field


@pytest.mark.parametrize("size", [False, True], ids=["paper", "small"])
@pytest.mark.parametrize("name", PARSERS)
def test_paper_and_small_sizes_have_stride_and_field_as_told(name, size):
    """The shapes of a 321 x 321 crop, without a number computed."""
    with torch.device("meta"):
        model = build_parser(name, small=size).eval()
        outputs = model(torch.zeros(1, 3, 321, 321))
    wanted = 161 if size and name == "segnet" else PAPER_GRID.get(name, 41)
    assert outputs["logits"].shape == (1, 20, wanted, wanted)
    if name == "segnet":
        seen = conv_field(model.encoders, pools_between=True)
        jump = 2 ** (len(model.encoders) + (model.stride == 2))
        seen += conv_field([model.middle], pools_between=False) * jump - jump
    elif name == "fcn8s":
        parts = [model.to_8, model.to_16, model.to_32, model.head]
        seen = conv_field(parts, pools_between=False)
    else:
        widest = model.head if name == "attention" else model.head[-1]
        seen = conv_field([model.backbone, widest], pools_between=False)
    assert model.field == seen


@pytest.mark.parametrize("name", PARSERS)
@torch.no_grad()
def test_the_papers_size_runs(name):
    # Random numbers for a hundred million weights take seconds; here only sizes count.
    with torch.device("meta"):
        model = build_parser(name).eval()
    model.to_empty(device="cpu")
    for values in model.state_dict().values():
        values.zero_()
    assert model.stride == (1 if name in PAPER_GRID else 8)
    outputs = model(images(1, 33, 41))
    grid = (33, 41) if model.stride == 1 else (5, 6)
    assert all(maps.shape[2:] == grid for maps in tensors_of(outputs).values())


@torch.no_grad()
def test_attention_is_a_mean_of_scales():
    outputs = small("attention")(images())
    weights, scales = outputs["attention"], outputs["scales"]
    torch.testing.assert_close(weights.sum(1), torch.ones_like(weights[:, 0]))
    mean = sum(weights[:, i : i + 1] * scales[i] for i in range(3))
    torch.testing.assert_close(outputs["logits"], mean)


@torch.no_grad()
def test_attention_that_trusts_one_scale_gives_its_logits():
    model, photos = small("attention"), images()
    model.attention[-1].weight.zero_()
    model.attention[-1].bias.copy_(torch.tensor([0.0, 200, 0]))
    outputs = model(photos)
    assert torch.equal(outputs["logits"], outputs["scales"][1])
    # That scale is the network at three quarters of the image, brought back to the grid.
    maps, _ = model.backbone(rescale(photos, 0.75))
    wanted = resize_to(model.head(maps), outputs["logits"].shape[2:])
    torch.testing.assert_close(outputs["logits"], wanted)


@pytest.mark.parametrize("name", DEEPLABS)
@torch.no_grad()
def test_deeplab_takes_the_largest_of_its_scales(name):
    outputs = small(name, multi_scale=True)(images())
    assert torch.equal(outputs["logits"], torch.stack(outputs["scales"]).max(0).values)
    assert torch.equal(outputs["scales"][0], small(name)(images())["logits"])


def test_the_papers_pyramids():
    with torch.device("meta"):
        vgg, resnet = (build_parser(name) for name in DEEPLABS)
        attention = build_parser("attention")
    assert [branch.fc6[0].dilation[0] for branch in vgg.head] == [6, 12, 18, 24]
    assert [branch.fc6[0].out_channels for branch in vgg.head] == [1024] * 4
    assert [branch.dilation[0] for branch in resnet.head] == [6, 12, 18, 24]
    assert attention.scales == (1, 0.75, 0.5)
    assert attention.attention[0][0].weight.shape == (512, 3 * 1024, 3, 3)
    assert attention.attention[-1].weight.shape == (3, 512, 1, 1)
    assert attention.head.fc6[0].dilation == (12, 12) and attention.head.dropout.p == 0.5


def test_unknown_names_are_an_error():
    text = (
        "parser must be a known name, got 'segnets'. Did you mean 'segnet'? "
        f"Choices: {', '.join(PARSERS)}."
    )
    with pytest.raises(ModelError, match=re.escape(text)):
        build_parser("segnets")


def test_the_papers_size_takes_no_backbone_file(tmp_path):
    text = (
        "backbone_weights must be None for segnet at the paper's size, got a file. "
        "Load a checkpoint instead, or build the small one."
    )
    with pytest.raises(ModelError, match=re.escape(text)):
        build_parser("segnet", backbone_weights=tmp_path / "vgg.safetensors")


def test_only_deeplab_takes_the_largest_of_scales():
    text = "multi_scale must be False for fcn8s, got True. Only deeplab_v2_vgg16 and"
    with pytest.raises(ModelError, match=re.escape(text)):
        build_parser("fcn8s", multi_scale=True)


def test_the_page_says_what_the_code_counts():
    tool = load_tool("count_parsers")
    page = tool.PAGE.read_text(encoding="utf-8")
    assert tool.fill(page, tool.table_lines()) == page, (
        "run python tools/count_parsers.py --write-docs"
    )
