"""The contract of a model: shapes, switches, gradients, batches, weights in and out."""

from __future__ import annotations

import re

import pytest

torch = pytest.importorskip("torch")

from peopleparse.errors import ModelError  # noqa: E402
from peopleparse.models.build import MODELS, build_model  # noqa: E402
from peopleparse.nn.backbones import Vgg16Features  # noqa: E402
from peopleparse.nn.blocks import DenseDetector, ParsingNetwork  # noqa: E402

SMALL = "gpsnet_mobilenet_v2"
SWITCHES = [(False, False), (True, False), (False, True), (True, True)]
PEOPLE = {
    "batch": torch.tensor([0, 1, 0]),
    "boxes": torch.tensor([[8.0, 4, 40, 90], [20, 10, 60, 60], [-6, 30, 100, 70]]),
    "faces": torch.tensor([[12.0, 8, 22, 18], [0, 0, 0, 0], [50, 32, 60, 40]]),
    "has_face": torch.tensor([True, False, True]),
}


def small(adjust: bool = True, fuse: bool = True):
    torch.manual_seed(0)
    return build_model(SMALL, adjust=adjust, fuse=fuse).eval()


def images(count: int = 2, height: int = 96, width: int = 64):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, height, width, generator=generator) * 255


@pytest.fixture(scope="module")
def model():
    return small()


@torch.no_grad()
def test_outputs_have_their_shapes(model):
    outputs = model(images(), **PEOPLE)
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "features": (2, 64, 12, 8),
        "fine": (2, 24, 24, 16),
        "global_logits": (2, 20, 12, 8),
        "person_heat": (2, 1, 12, 8),
        "person_boxes": (2, 4, 12, 8),
        "face_heat": (2, 1, 12, 8),
        "face_boxes": (2, 4, 12, 8),
        "logits": (3, 20, 80, 40),
        "local_logits": (3, 20, 80, 40),
        "adjusted": (3, 4),
    }
    assert all(torch.isfinite(value).all() for value in outputs.values())


@torch.no_grad()
def test_another_number_of_labels():
    model = build_model(SMALL, labels=7).eval()
    outputs = model(images(1), *(value[:1] for value in PEOPLE.values()))
    assert outputs["logits"].shape[1] == outputs["global_logits"].shape[1] == 7


@pytest.mark.parametrize("adjust, fuse", SWITCHES)
def test_every_switch_runs_and_teaches_every_parameter(adjust, fuse):
    model = small(adjust, fuse).train()
    outputs = model(images(), **PEOPLE)
    assert hasattr(model, "fusion") is fuse
    moved = not torch.equal(outputs["adjusted"], PEOPLE["boxes"])
    assert moved is adjust
    learnt = ("global_logits", "logits", "local_logits", "person_heat", "face_heat")
    loss = sum((outputs[name].softmax(1)[:, :1] ** 2).mean() for name in learnt[:3])
    loss = loss + sum(outputs[name].square().mean() for name in learnt[3:])
    loss = loss + outputs["person_boxes"].abs().mean() + outputs["face_boxes"].abs().mean()
    loss.backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all() and parameter.grad.any(), name
        else:
            assert parameter.grad is None, name


@torch.no_grad()
def test_what_the_switches_change():
    outputs = {switch: small(*switch)(images(), **PEOPLE) for switch in SWITCHES}
    plain, adjusted, fused, both = (outputs[switch] for switch in SWITCHES)
    assert torch.equal(plain["logits"], plain["local_logits"])  # Loc.
    assert not torch.equal(adjusted["logits"], adjusted["local_logits"])  # Ad. Loc.: taken back
    assert torch.equal(fused["local_logits"], plain["local_logits"])  # Fuse reads the same person
    assert not torch.equal(fused["logits"], plain["logits"])
    # Without a face there is nothing to adjust.
    torch.testing.assert_close(adjusted["logits"][1], plain["logits"][1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(both["logits"][1], fused["logits"][1], atol=1e-5, rtol=1e-5)
    assert (both["logits"][0] - fused["logits"][0]).abs().max() > 1e-4


@torch.no_grad()
def test_fusion_reads_the_global_parsing(model):
    outputs = model.trunk(images())
    before = model.rois(outputs, **PEOPLE)["logits"]
    changed = outputs | {"global_logits": outputs["global_logits"] + 1}
    assert not torch.allclose(model.rois(changed, **PEOPLE)["logits"], before)


@torch.no_grad()
def test_a_face_already_at_the_anchor_makes_adjusting_plain():
    box = torch.tensor([[8.0, 16, 48, 96]])
    face = torch.tensor([[24.0, 28, 32, 36]])  # centre (28, 32): half across, a fifth down
    args = (images(1), torch.tensor([0]), box, face, torch.tensor([True]))
    outputs = [small(adjust, True)(*args) for adjust in (False, True)]
    torch.testing.assert_close(outputs[1]["adjusted"], box, atol=1e-5, rtol=0)
    torch.testing.assert_close(outputs[0]["logits"], outputs[1]["logits"], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_two_images_at_once_equal_each_alone(model):
    photos = images()
    together = model(photos, **PEOPLE)
    for index in range(2):
        mine = PEOPLE["batch"] == index
        people = {name: value[mine] for name, value in PEOPLE.items()}
        people["batch"] = torch.zeros_like(people["batch"])
        alone = model(photos[index : index + 1], **people)
        for name, value in alone.items():
            both = together[name]
            both = both[mine] if name in ("logits", "local_logits", "adjusted") else both[[index]]
            torch.testing.assert_close(value, both, atol=1e-4, rtol=1e-4, msg=name)


@torch.no_grad()
def test_the_order_of_people_does_not_matter(model):
    outputs = model.trunk(images())
    order = torch.tensor([2, 0, 1])
    straight = model.rois(outputs, **PEOPLE)["logits"]
    shuffled = model.rois(outputs, **{n: v[order] for n, v in PEOPLE.items()})["logits"]
    torch.testing.assert_close(shuffled, straight[order], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_weights_go_out_and_in_again(model):
    torch.manual_seed(5)
    other = build_model(SMALL).eval()
    before = other(images(), **PEOPLE)["logits"]
    other.load_state_dict(model.state_dict())
    wanted = model(images(), **PEOPLE)["logits"]
    assert not torch.equal(before, wanted)
    assert torch.equal(other(images(), **PEOPLE)["logits"], wanted)


def test_the_same_seed_builds_the_same_model(model):
    again = small().state_dict()
    assert all(torch.equal(value, again[name]) for name, value in model.state_dict().items())


def test_unknown_names_are_an_error():
    text = (
        f"model must be a known name, got 'gpsnet_mobilenet'. Did you mean '{SMALL}'? "
        f"Choices: {', '.join(MODELS)}."
    )
    with pytest.raises(ModelError, match=re.escape(text)):
        build_model("gpsnet_mobilenet")


def test_vgg_takes_no_backbone_file(tmp_path):
    text = "backbone_weights must be None for gpsnet_vgg16, got a file. Load a checkpoint instead."
    with pytest.raises(ModelError, match=re.escape(text)):
        build_model("gpsnet_vgg16", backbone_weights=tmp_path / "vgg.safetensors")


@torch.no_grad()
def test_the_papers_size_is_the_same_model_with_other_numbers(monkeypatch):
    # Random numbers for 60 million weights take seconds; here only sizes count.
    monkeypatch.setattr(torch.nn.init, "kaiming_normal_", lambda tensor, **_: tensor.zero_())
    monkeypatch.setattr(torch.nn.init, "kaiming_uniform_", lambda tensor, **_: tensor.zero_())
    model = build_model("gpsnet_vgg16").eval()
    assert isinstance(model.backbone, Vgg16Features) and isinstance(model.detector, DenseDetector)
    for parser in (model.local_parser, model.global_parser):
        assert isinstance(parser, ParsingNetwork)
        assert [branch[0][0].dilation[0] for branch in parser.branches] == [6, 12, 18, 24]
        assert [branch[0][0].out_channels for branch in parser.branches] == [1024] * 4
    # The local parser costs seconds on 41 x 41; a small one shows the same sizes.
    model.local_parser = ParsingNetwork(512, 4, 20, (6,), stem=0, norm=False).eval()
    outputs = model(images(1, 32, 32), *(value[:1] for value in PEOPLE.values()))
    assert "fine" not in outputs
    assert outputs["features"].shape == (1, 512, 4, 4)
    assert outputs["global_logits"].shape == (1, 20, 4, 4)
    assert outputs["logits"].shape == (1, 20, 41, 41) and model.anchor == (0.5, 0.2)
