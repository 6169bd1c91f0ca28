"""Det.+Par.: its names, the crops that its parser sees, and that all of it learns."""

from __future__ import annotations

import re

import pytest

torch = pytest.importorskip("torch")

from peopleparse.errors import ModelError  # noqa: E402
from peopleparse.models.build import BASELINES, build_baseline, build_model  # noqa: E402
from peopleparse.models.det_par import GREY  # noqa: E402

SMALL = "det_par_mobilenet_v2"
BATCH = torch.tensor([0, 1, 0])
BOXES = torch.tensor([[8.0, 4, 40, 90], [20, 10, 60, 60], [-6, 30, 100, 70]])


def truth(*boxes: tuple[float, float, float, float]):
    """Return what a detector learns from; the masks fill the boxes."""
    masks = torch.zeros(len(boxes), 96, 64, dtype=torch.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[int(y1) : int(y2), int(x1) : int(x2)] = 1
    found = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return {"boxes": found, "labels": torch.ones(len(boxes), dtype=torch.long), "masks": masks}


TRUTHS = [truth((8, 4, 40, 90), (30, 20, 62, 95)), truth((20, 10, 60, 60))]


def images(count: int = 2):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, 96, 64, generator=generator) * 255


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_baseline(SMALL).eval()


def test_the_parts_of_the_loss_and_the_grid_of_gpsnet(model):
    outputs = model.train()(images(), BATCH, BOXES, TRUTHS)
    model.eval()
    rows, columns = build_model("gpsnet_mobilenet_v2").grid
    assert outputs.pop("logits").shape == (3, 20, rows, columns)
    assert sorted(outputs) == ["objectness", "person", "person_box", "proposal_box"]
    assert all(value.ndim == 0 and value > 0 for value in outputs.values())


def test_every_parameter_learns_and_the_networks_share_nothing():
    torch.manual_seed(0)
    model = build_baseline(SMALL).train()
    outputs = model(images(), BATCH, BOXES, TRUTHS)
    logits = outputs.pop("logits")
    learnt = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert any(name.startswith("detector.rcnn.backbone.backbone.to_8") for name in learnt)
    detected = torch.autograd.grad(
        sum(outputs.values()), list(learnt.values()), allow_unused=True, retain_graph=True
    )
    parsed = torch.autograd.grad(logits.square().mean(), list(learnt.values()), allow_unused=True)
    for name, first, second in zip(learnt, detected, parsed, strict=True):
        taught, other = (first, second) if name.startswith("detector.") else (second, first)
        assert other is None, name
        assert taught is not None and torch.isfinite(taught).all() and taught.any(), name


def test_an_image_without_anybody_still_teaches(model):
    outputs = model.train()(images(), BATCH, BOXES, [truth(), truth()])
    model.eval()
    assert all(torch.isfinite(value).all() for value in outputs.values())
    assert outputs["proposal_box"] == outputs["person_box"] == 0


@torch.no_grad()
def test_a_crop_is_the_box_of_its_own_image_and_grey_outside(model):
    ramp = torch.arange(64.0) * 2 + 1  # the value at the centre of a column is twice its place
    photos = torch.stack([ramp.expand(3, 96, 64), 255 - ramp.expand(3, 96, 64)])
    boxes = torch.tensor([[8.0, 8, 56, 90], [8, 8, 56, 90], [-200, -200, -100, -100]])
    crops = model.cut(photos, torch.tensor([0, 1, 0]), boxes)
    assert crops.shape == (3, 3, *model.crop)
    places = 8 + (torch.arange(model.crop[1]) + 0.5) / model.crop[1] * 48
    torch.testing.assert_close(crops[0], (2 * places).expand_as(crops[0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(crops[1], 255 - crops[0], atol=1e-3, rtol=0)
    assert (crops[2] == GREY).all()


@torch.no_grad()
def test_neither_the_order_nor_the_company_matters(model):
    photos = images()
    straight = model.rois(photos, BATCH, BOXES)
    order = torch.tensor([2, 0, 1])
    shuffled = model.rois(photos, BATCH[order], BOXES[order])
    torch.testing.assert_close(shuffled, straight[order], atol=1e-4, rtol=1e-4)
    alone = model.rois(photos[1:], BATCH[:1], BOXES[1:2])
    torch.testing.assert_close(alone, straight[1:2], atol=1e-4, rtol=1e-4)


def test_found_persons_keep_to_the_options(model):
    photo = images(1)
    everyone = model.detector.find(photo, 0.0, 1.0, 50)
    assert len(everyone.boxes) == 50 and everyone.masks is None
    assert (everyone.scores.diff() <= 0).all()
    assert (everyone.boxes >= 0).all() and (everyone.boxes[:, 2:] <= torch.tensor([64, 96])).all()
    assert len(model.detector.find(photo, 0.0, 1.0, 3).boxes) == 3
    assert len(model.detector.find(photo, 1.0, 1.0, 50).boxes) == 0
    apart = model.detector.find(photo, 0.0, 0.1, 50)
    assert 0 < len(apart.boxes) < 50


def test_unknown_names_are_an_error(tmp_path):
    text = (
        f"model must be a known name, got 'det_par_mobilenet'. Did you mean '{SMALL}'? "
        f"Choices: {', '.join(BASELINES)}."
    )
    with pytest.raises(ModelError, match=re.escape(text)):
        build_baseline("det_par_mobilenet")
    text = "backbone_weights must be None for ins_glo_vgg16, got a file. Load a checkpoint instead."
    with pytest.raises(ModelError, match=re.escape(text)):
        build_baseline("ins_glo_vgg16", backbone_weights=tmp_path / "vgg.safetensors")


@pytest.mark.parametrize("name", ["det_par_vgg16", "ins_glo_vgg16"])
def test_the_papers_size_is_the_same_model_with_other_numbers(name):
    with torch.device("meta"):  # shapes without numbers: these are large
        model, paper = build_baseline(name), build_model("gpsnet_vgg16")
    assert model.grid == paper.grid == (41, 41)
    sizes = [{n: p.shape for n, p in m.parser.named_parameters()} for m in (model,)]
    sizes.append({n: p.shape for n, p in paper.local_parser.named_parameters()})
    assert sizes[0] == sizes[1]
    if name.startswith("det_par"):
        assert tuple(side // model.backbone.stride for side in model.crop) == model.grid
