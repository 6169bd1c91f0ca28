"""GPSNet at the paper's size: its recipes, two steps on drawn people, resume, export."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from torch import nn  # noqa: E402

from peopleparse.inference import OnnxEngine  # noqa: E402
from peopleparse.training.batches import Batches, read_training_data  # noqa: E402
from peopleparse.training.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from peopleparse.training.distributed import World  # noqa: E402
from peopleparse.training.export import check_export, export_model, load_average  # noqa: E402
from peopleparse.training.loop import CHECKPOINT, Trainer  # noqa: E402
from peopleparse.training.optimizer import make_optimizer, set_rate  # noqa: E402
from peopleparse.training.recipe import Phase, Recipe, load_recipe  # noqa: E402
from tests.conftest import REPO  # noqa: E402
from tests.training.test_loop import differing  # noqa: E402

NAMES = ("gpsnet_vgg16", "gpsnet_resnet101")


def read_recipe(name: str) -> Recipe:
    return load_recipe(REPO / "recipes" / f"{name}.py")


def test_recipes_have_the_schedule_of_the_paper():
    recipes = [asdict(read_recipe(name)) for name in NAMES]
    assert [recipe.pop("model") for recipe in recipes] == list(NAMES)
    assert recipes[0] == recipes[1]
    recipe = read_recipe(NAMES[0])
    assert (recipe.optimizer, recipe.lr, recipe.lr_step, recipe.batch) == ("sgd", 1e-3, 50_000, 2)
    assert recipe.adjust and recipe.fuse and recipe.backbone == recipe.start == ""
    for phase in recipe.phases:
        assert not any(side % 32 for side in (*phase.scene, *phase.photo))


def test_the_rate_falls_to_a_tenth_after_50_000_steps():
    recipe = read_recipe(NAMES[0])
    optimizer = make_optimizer(nn.Linear(2, 2), recipe)
    rates = [set_rate(optimizer, recipe, step) for step in (500, 49_999, 50_000, 74_999)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4])
    weights, biases = optimizer.param_groups
    assert weights["momentum"] == biases["momentum"] == 0.9
    assert (weights["weight_decay"], biases["weight_decay"]) == (5e-4, 0.0)
    assert weights["lr"] == biases["lr"] == rates[-1]


def start(recipe: Recipe, data) -> Trainer:
    trainer = Trainer(recipe, data, World.from_environment())
    for module in trainer.model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # two steps are all that it will see
    return trainer


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_two_steps_resume_exactly_and_the_export_equals_torch(name, tiny_data, tmp_path):
    # Without the slow rise of the rate: what a step of 2e-6 changes is lost in the digits.
    small = (Phase(1.0, (64, 64), (64, 64)),)
    recipe = replace(
        read_recipe(name), steps=2, warmup=1, phases=small, photo_every=2, rois=1, bfloat16=False
    )
    batches = Batches(recipe, *read_training_data(tiny_data))
    photos, scenes = batches[0], batches[1]
    weights = torch.ones(20)

    trainer = start(recipe, tiny_data)
    first = trainer.train_step(photos, weights)
    assert all(math.isfinite(value) for value in first.values())
    save_checkpoint(tmp_path / CHECKPOINT, trainer.state())
    wanted = trainer.train_step(scenes, weights)
    straight = trainer.state()
    assert differing(straight["model"], load_checkpoint(tmp_path / CHECKPOINT)["model"])
    # No branch is left out and nothing is frozen.
    still = [k for k, p in trainer.model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []
    del trainer

    resumed = start(recipe, tiny_data)
    resumed.load(load_checkpoint(tmp_path / CHECKPOINT))
    assert resumed.step == 1 and resumed.train_step(scenes, weights) == wanted
    assert differing(resumed.state(), straight) == []
    save_checkpoint(tmp_path / CHECKPOINT, resumed.state())
    del resumed, straight

    model, about = load_average(tmp_path / CHECKPOINT)
    assert about["step"] == 2 and about["recipe"]["model"] == name
    engine = OnnxEngine(export_model(model, tmp_path / "out", name))
    assert engine.name == name and engine.stride == 32
    assert check_export(model, engine, images=1) < 1e-4
