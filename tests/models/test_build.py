"""The paper-size networks as they are built: layers, dilations, shapes; no number is computed."""

from __future__ import annotations

import re

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from peopleparse.errors import ModelError  # noqa: E402
from peopleparse.models.build import build_baseline, build_model  # noqa: E402
from peopleparse.nn.backbones import Resnet101Features, Vgg16Features  # noqa: E402
from peopleparse.nn.rpn import ProposalDetector  # noqa: E402

PAPER = {"gpsnet_vgg16": (Vgg16Features, 512), "gpsnet_resnet101": (Resnet101Features, 2048)}


def build_on_meta(name: str, **switches):
    with torch.device("meta"):
        return build_model(name, **switches).eval()


@pytest.mark.parametrize("name", PAPER)
@torch.inference_mode()
def test_paper_size_outputs_have_their_shapes(name):
    model = build_on_meta(name)
    kind, channels = PAPER[name]
    assert isinstance(model.backbone, kind) and isinstance(model.detector, ProposalDetector)
    with torch.device("meta"):
        boxes, faces = torch.zeros(3, 4), torch.zeros(3, dtype=torch.bool)
        image, batch = torch.zeros(2, 3, 96, 64), torch.zeros(3, dtype=torch.long)
        outputs = model(image, batch, boxes, boxes, faces)
    assert {key: tuple(value.shape) for key, value in outputs.items()} == {
        "features": (2, channels, 12, 8),
        "global_logits": (2, 20, 12, 8),
        "person_heat": (2, 1, 12, 8),
        "person_boxes": (2, 4, 12, 8),
        "face_heat": (2, 1, 12, 8),
        "face_boxes": (2, 4, 12, 8),
        "logits": (3, 20, 41, 41),
        "local_logits": (3, 20, 41, 41),
        "adjusted": (3, 4),
    }


def test_parsers_are_those_of_deeplab():
    vgg, resnet = build_on_meta("gpsnet_vgg16"), build_on_meta("gpsnet_resnet101")
    for parser in (vgg.local_parser, vgg.global_parser):
        (pool5,) = parser.stem
        assert (pool5.kernel_size, pool5.stride, pool5.padding) == (3, 1, 1)
        assert [branch[0][0].dilation[0] for branch in parser.branches] == [6, 12, 18, 24]
    for parser in (resnet.local_parser, resnet.global_parser):
        assert len(parser.stem) == 0
        shapes = [(b.in_channels, b.out_channels, b.kernel_size[0]) for b in parser.branches]
        assert shapes == [(2048, 20, 3)] * 4
        assert [branch.dilation[0] for branch in parser.branches] == [6, 12, 18, 24]
        assert [branch.padding[0] for branch in parser.branches] == [6, 12, 18, 24]
    for model in (vgg, resnet):
        assert model.local_parser is not model.global_parser


@pytest.mark.parametrize("name", PAPER)
def test_switches_leave_out_the_fusion_only(name):
    whole, local = build_on_meta(name), build_on_meta(name, adjust=False, fuse=False)
    assert whole.adjust and not local.adjust
    names = {key for key, _ in whole.named_parameters()} - {k for k, _ in local.named_parameters()}
    assert names and all(key.startswith("fusion.") for key in names)


def test_baselines_have_the_parser_with_pool5():
    with torch.device("meta"):
        model = build_baseline("ins_glo_vgg16")
    assert isinstance(model.parser.stem[0], nn.MaxPool2d)


def test_paper_sizes_take_no_backbone_file(tmp_path):
    text = (
        "backbone_weights must be None for gpsnet_resnet101, got a file. Load a checkpoint instead."
    )
    with pytest.raises(ModelError, match=re.escape(text)):
        build_model("gpsnet_resnet101", backbone_weights=tmp_path / "resnet.safetensors")


def test_presence_is_for_the_shipped_size(tmp_path):
    assert build_on_meta("gpsnet_mobilenet_v2", presence=True).presence is not None
    with pytest.raises(
        ModelError, match="presence must be gpsnet_mobilenet_v2, got 'gpsnet_vgg16'"
    ):
        build_model("gpsnet_vgg16", presence=True)
