"""Ins.+Glo.: a person is what the global parsing says inside its mask."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from peopleparse.models.build import build_baseline, build_model  # noqa: E402
from tests.models.test_det_par import TRUTHS, images, truth  # noqa: E402

SMALL = "ins_glo_mobilenet_v2"


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_baseline(SMALL).eval()


def test_the_parts_of_the_loss(model):
    outputs = model.train()(images(), TRUTHS)
    model.eval()
    assert outputs.pop("global_logits").shape == (2, 20, 12, 8)
    assert sorted(outputs) == ["mask", "objectness", "person", "person_box", "proposal_box"]
    assert all(value.ndim == 0 and value > 0 for value in outputs.values())


def test_every_parameter_learns_and_the_networks_share_nothing():
    torch.manual_seed(0)
    model = build_baseline(SMALL).train()
    outputs = model(images(), TRUTHS)
    logits = outputs.pop("global_logits")
    learnt = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for loss, mine in ((sum(outputs.values()), True), (logits.square().mean(), False)):
        found = torch.autograd.grad(
            loss, list(learnt.values()), allow_unused=True, retain_graph=True
        )
        for name, gradient in zip(learnt, found, strict=True):
            if name.startswith("detector.") is mine:
                assert gradient is not None and torch.isfinite(gradient).all(), name
                assert gradient.any(), name
            else:
                assert gradient is None, name


def test_an_image_without_anybody_still_teaches(model):
    outputs = model.train()(images(), [truth(), truth()])
    model.eval()
    assert all(torch.isfinite(value).all() for value in outputs.values())
    assert outputs["mask"] == outputs["person_box"] == 0


def rois_of(model, logits: list[float], mask: float):
    """Return the logits of a person in whose whole box the global logits and the mask are these."""
    maps = torch.tensor(logits).view(1, -1, 1, 1).expand(1, len(logits), 12, 8)
    boxes, masks = torch.tensor([[8.0, 8, 40, 80]]), torch.full((1, 1, 28, 28), mask)
    found = model.rois(maps, boxes, masks)
    assert found.shape == (1, len(logits), *build_model("gpsnet_mobilenet_v2").grid)
    torch.testing.assert_close(found, found[:, :, :1, :1].expand_as(found), atol=1e-5, rtol=0)
    return found[0, :, 0, 0].tolist()


@torch.no_grad()
@pytest.mark.parametrize(
    "logits, mask, wanted",
    [
        ([1.0, 3, 2], 0.5, [0, 0, -1]),  # half a person: a margin of 0, which nobody owns
        ([1.0, 3, 2], 0.9, [0, 2, 1]),  # log(.9 / .1) is above 2: the global margin counts
        ([1.0, 5, 2], 0.9, [0, math.log(9), math.log(9) - 3]),  # the mask's is the smaller
        ([1.0, 2, 5], 0.1, [0, -math.log(9) - 3, -math.log(9)]),  # outside the mask: nothing
        ([4.0, 3, 2], 0.999, [0, -1, -2]),  # background in the global parsing stays background
    ],
)
def test_a_part_needs_the_global_parsing_and_the_mask(model, logits, mask, wanted):
    assert rois_of(model, logits, mask) == pytest.approx(wanted, abs=1e-4)


@torch.no_grad()
def test_what_is_left_and_right_stays_there(model):
    maps = torch.zeros(1, 3, 12, 8)
    maps[:, 1, :, :4], maps[:, 2, :, 4:] = 8, 8  # part 1 up to pixel 32, part 2 from there on
    masks = torch.full((2, 1, 28, 28), 0.01)
    masks[0, :, :, :14] = 0.99  # the first person fills the left half of its box
    masks[1] = 0.99
    boxes = torch.tensor([[16.0, 8, 48, 80], [36, 8, 60, 80]])
    grids = model.rois(maps, boxes, masks)
    labels = torch.where(grids.amax(1) > 0, grids.argmax(1), 0)
    columns = labels.shape[2]
    assert (labels[0, :, : columns // 2 - 2] == 1).all()
    assert (labels[0, :, columns // 2 + 2 :] == 0).all()
    assert (labels[1] == 2).all()


def test_found_persons_have_masks(model):
    found = model.detector.find(images(1), 0.0, 1.0, 5)
    assert found.boxes.shape == (5, 4) and found.masks.shape == (5, 1, 28, 28)
    assert (found.masks > 0).all() and (found.masks < 1).all()
