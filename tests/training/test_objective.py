"""The joint loss: its parts and factors, and the truth of the whole image against loops."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from peopleparse.losses.detection import heat_loss  # noqa: E402
from peopleparse.models.build import build_model  # noqa: E402
from peopleparse.training.batches import (  # noqa: E402
    BYSTANDER,
    Batches,
    collate,
    read_training_data,
)
from peopleparse.training.objective import (  # noqa: E402
    GLOBAL_REACH,
    det_par_loss,
    global_truth,
    hush_bystanders,
    ins_glo_loss,
    joint_loss,
    person_truths,
)
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
@pytest.mark.parametrize("presence", [False, True])
def test_every_switch_teaches_every_parameter(batches, adjust, fuse, presence):
    model = make_model(adjust=adjust, fuse=fuse, presence=presence).train()
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


@pytest.mark.parametrize("step", range(2))
def test_detectors_learn_every_person_that_is_seen(batches, step):
    batch = batches[step]
    truths = person_truths(batch)
    assert len(truths) == len(batch.image)
    for owners, truth in zip(batch.owners.numpy(), truths, strict=True):
        numbers = sorted(set(owners[owners > 0].tolist()))
        assert truth["labels"].tolist() == [1] * len(numbers) == [1] * len(truth["boxes"])
        for number, box, mask in zip(numbers, truth["boxes"], truth["masks"], strict=True):
            ys, xs = np.nonzero(owners == number)
            assert box.tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            np.testing.assert_array_equal(mask.numpy(), owners == number)


def test_nobody_and_pixels_that_are_nobodys_are_no_truth(rng):
    owners = np.zeros((2, 64, 64), np.int16)
    owners[1, :9], owners[1, 10:20, 30:34] = -1, 7
    image, parsing = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8)
    batch = collate([(image, parsing, some) for some in owners], False, rng, rois=2)
    nobody, one = person_truths(batch)
    assert nobody["boxes"].shape == (0, 4) and nobody["masks"].shape == (0, 64, 64)
    assert one["boxes"].tolist() == [[30, 10, 34, 20]] and one["masks"].sum() == 40


@pytest.mark.parametrize("loss", [det_par_loss, ins_glo_loss])
def test_the_loss_of_a_baseline_is_the_weighted_sum_of_its_parts(batches, loss):
    batch = batches[1]
    recipe = tiny_recipe(loss_heat=2.0, loss_box=3.0, loss_fused=5.0)
    outputs = {
        "objectness": torch.tensor(1.0),
        "person": torch.tensor(10.0),
        "proposal_box": torch.tensor(100.0),
        "person_box": torch.tensor(1000.0),
    }
    shape, name = (len(batch.boxes), 20, 8, 4), "logits"
    detected = 2 * 11 + 3 * 1100
    if loss is ins_glo_loss:
        shape, name = (len(batch.image), 20, 8, 8), "global_logits"
        outputs["mask"], detected = torch.tensor(10_000.0), detected + 3 * 10_000
    # Logits of 0 leave a cross-entropy of log 20; without Dice that is all.
    parts = loss(outputs | {name: torch.zeros(shape)}, batch, recipe, None)
    assert list(parts) == [*outputs, "parsing", "loss"]
    plain = loss(
        outputs | {name: torch.zeros(shape)}, batch, tiny_recipe(dice=0.0, loss_fused=5.0), None
    )
    assert plain["parsing"].item() == pytest.approx(math.log(20), rel=1e-5)
    assert parts["parsing"] > plain["parsing"]
    wanted = detected + 5 * parts["parsing"].item()
    assert parts["loss"].item() == pytest.approx(wanted, rel=1e-6)


def photo_of(owners, rng):
    """Return a batch of one photo, its truth given by owners, (64, 64)."""
    parsing = np.where(owners == 1, 4, np.where(owners == -1, IGNORED, 0)).astype(np.uint8)
    image = np.zeros((64, 64, 3), np.uint8)
    return collate([(image, parsing, owners.astype(np.int16))], True, rng, rois=4)


def test_a_bystander_costs_nothing_and_half_a_person_does(rng):
    owners = np.zeros((64, 64), np.int16)
    owners[16:48, 8:24] = 1
    owners[16:48, 48:56] = -1
    batch = photo_of(owners, rng)
    heat = batch.heat[:, :1]
    logits = torch.full((1, 1, 8, 8), 0.5, requires_grad=True)
    hushed = hush_bystanders(logits, heat, batch)
    silent = hushed == -30
    assert silent[0, 0, :, 5:].any() and silent[0, 0, 1:7, 5:].all()
    # All cells are rather sure: outside the person's box they may be bystanders not found before.
    assert silent[0, 0, 0].all() and silent[0, 0, 7].all()
    assert not silent[0, 0, 2:6, 1:3].any()
    heat_loss(hushed, heat, torch.tensor([False])).backward()
    assert (logits.grad[silent] == 0).all() and (logits.grad[~silent] != 0).all()
    # Cells that are not sure count as background, but for those of the bystander.
    doubtful = hush_bystanders(torch.full((1, 1, 8, 8), -3.0), heat, batch) == -30
    assert not doubtful[0, 0, :, :4].any() and doubtful[0, 0, 2:6, 6].all()
    scene = replace(batch, is_photo=torch.tensor([False]))
    sure = hush_bystanders(torch.full((1, 1, 8, 8), 0.5), heat, scene) == -30
    assert torch.equal(sure, doubtful)  # in a scene everybody is known


def test_a_centre_always_counts(rng):
    owners = np.full((64, 64), -1, np.int16)
    owners[16:48, 24:40] = 1
    batch = photo_of(owners, rng)
    hushed = hush_bystanders(torch.zeros(1, 1, 8, 8), batch.heat[:, :1], batch)
    assert (hushed[batch.heat[:, :1] == 1] == 0).all() and (hushed == -30).sum() > 40


def test_the_whole_map_is_silent_on_a_bystander_inside_the_box(rng):
    owners = np.zeros((64, 64), np.int16)
    owners[8:56, 8:24], owners[8:16, 24:48] = 1, 1
    owners[32:48, 32:40] = BYSTANDER
    truth = global_truth(photo_of(owners, rng), torch.Size([8, 8]))[0]
    assert (truth[4:6, 4] == IGNORED).all() and truth[3, 4] == 0 and truth[4, 1] == 4


def test_the_loss_with_bystanders_is_finite_and_another(batches, rng):
    owners = np.zeros((64, 64), np.int16)
    owners[8:56, 8:24], owners[8:56, 40:56] = 1, -1
    batch, model = photo_of(owners, rng), make_model().eval()
    with torch.no_grad():
        outputs = run(model, batch)
        first, other = (
            joint_loss(outputs, batch, tiny_recipe(bystanders=known), None)
            for known in (False, True)
        )
    assert all(math.isfinite(value.item()) for value in other.values())
    assert other["person_heat"] < first["person_heat"] and other["fused"] == first["fused"]
