"""The joint loss: its parts and factors, and the truth of the whole image against loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from peopleparse.models.build import build_model  # noqa: E402
from peopleparse.training.batches import Batches, collate, read_training_data  # noqa: E402
from peopleparse.training.objective import GLOBAL_REACH, global_truth, joint_loss  # noqa: E402
from tests.training.conftest import tiny_recipe  # noqa: E402

IGNORED = 255


@pytest.fixture(scope="module")
def batches(tiny_data):
    return Batches(tiny_recipe(), *read_training_data(tiny_data))


def slow_truth(batch, size):
    out = np.zeros((len(batch.image), *size), int)
    height, width = batch.parsing.shape[1:]
    for image, row, column in np.ndindex(*out.shape):
        y = int((row + 0.5) * height / size[0])
        x = int((column + 0.5) * width / size[1])
        near = False
        for owner, box in zip(batch.batch.tolist(), batch.boxes.tolist(), strict=True):
            wide, tall = (GLOBAL_REACH * (box[2] - box[0]), GLOBAL_REACH * (box[3] - box[1]))
            inside_x = box[0] - wide <= x < box[2] + wide
            inside_y = box[1] - tall <= y < box[3] + tall
            near |= owner == image and inside_x and inside_y
        unknown = batch.owners[image, y, x] == -1 or (bool(batch.is_photo[image]) and not near)
        out[image, row, column] = IGNORED if unknown else int(batch.parsing[image, y, x])
    return out


@pytest.mark.parametrize("step", range(4))
def test_global_truth_equals_loops(batches, step):
    batch = batches[step]
    before = batch.parsing.clone()
    truth = global_truth(batch, torch.Size([8, 8]))
    assert truth.dtype == torch.int64
    np.testing.assert_array_equal(truth.numpy(), slow_truth(batch, (8, 8)))
    assert torch.equal(batch.parsing, before)


def make_model(**switches):
    torch.manual_seed(0)
    return build_model("gpsnet_mobilenet_v2", **switches)


def run(model, batch):
    people = (batch.batch, batch.boxes, batch.faces, batch.has_face)
    return model(batch.image.float(), *people)


def test_the_loss_is_the_weighted_sum_of_its_parts(batches):
    batch = batches[0]
    recipe = tiny_recipe(
        loss_heat=2.0, loss_box=3.0, loss_global=5.0, loss_local=7.0, loss_fused=11.0
    )
    with torch.no_grad():
        parts = joint_loss(run(make_model().eval(), batch), batch, recipe, None)
    values = {name: value.item() for name, value in parts.items()}
    assert all(math.isfinite(value) and value >= 0 for value in values.values())
    wanted = (
        2 * values["person_heat"]
        + values["face_heat"]
        + 3 * values["person_box"]
        + 1.5 * values["face_box"]
        + 5 * values["global"]
        + 7 * values["local"]
        + 11 * values["fused"]
    )
    assert values["loss"] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("adjust", [False, True])
@pytest.mark.parametrize("fuse", [False, True])
def test_every_switch_teaches_every_parameter(batches, adjust, fuse):
    model = make_model(adjust=adjust, fuse=fuse).train()
    batch = batches[1]
    joint_loss(run(model, batch), batch, tiny_recipe(), None)["loss"].backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_nobody_in_any_image_keeps_every_branch_in_the_graph(rng):
    shape = (64, 64)
    empty = np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8), np.zeros(shape, np.int16)
    batch = collate([empty, empty], False, rng, rois=2)
    model = make_model().train()
    parts = joint_loss(run(model, batch), batch, tiny_recipe(), None)
    parts["loss"].backward()
    assert parts["person_box"].item() == parts["face_box"].item() == 0
    assert math.isfinite(parts["loss"].item()) and parts["fused"].item() > 0
    missing = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert missing == []
