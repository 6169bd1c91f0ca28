"""Networks that parse one person: recipe, loss, labels and people."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from peopleparse.errors import InputError  # noqa: E402
from peopleparse.inference.pipeline import Options  # noqa: E402
from peopleparse.losses.structure import StructureLoss  # noqa: E402
from peopleparse.training.parser_recipe import (  # noqa: E402
    ParserRecipe,
    StructurePlan,
    read_recipe,
)
from peopleparse.training.parser_task import (  # noqa: E402
    PersonBatch,
    parse_one_person,
    parser_loss,
    predict_labels,
    step_loss,
)
from peopleparse.training.recipe import Recipe  # noqa: E402
from peopleparse.training.tasks import find_task, task_of  # noqa: E402

PLAN = StructurePlan("soft", "centers", 1.0, 10.0, 0.25)
SMALL = ("segnet_small", "fcn8s_small", "deeplab_v2_vgg16_small", "attention_small")


def recipe_of(model="fcn8s_small", **changes):
    return ParserRecipe(model=model, backbone="", steps=8, bfloat16=False, **changes)


def test_recipes_come_back_from_json():
    for recipe in (recipe_of(), recipe_of(structure=PLAN), Recipe()):
        assert read_recipe(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_the_plan_counts_in_the_last_share_of_the_steps():
    recipe = recipe_of(structure=PLAN)
    assert [recipe.structure_at(step) for step in (0, 5, 6, 7)] == [None, None, PLAN, PLAN]
    assert replace(recipe, structure=replace(PLAN, share=1.0)).structure_at(0) is not None
    assert recipe_of().structure_at(7) is None


def logits_and_truth(scales=0):
    generator = torch.Generator().manual_seed(0)

    def draw():
        return torch.randn(2, 20, 6, 4, generator=generator, requires_grad=True)

    outputs = {"logits": draw()}
    if scales:
        outputs["scales"] = [draw() for _ in range(scales)]
    return outputs, torch.randint(0, 20, (2, 48, 32), generator=generator, dtype=torch.uint8)


def test_plain_loss_is_cross_entropy_of_every_scale():
    outputs, parsing = logits_and_truth(scales=2)
    truth = parsing[:, ::8, ::8].long()
    parts = parser_loss(outputs, parsing, None)
    entropy = torch.nn.functional.cross_entropy
    wanted = [entropy(each, truth) for each in (outputs["logits"], *outputs["scales"])]
    assert [parts["parsing"], parts["scale_1"], parts["scale_2"]] == wanted
    assert torch.equal(parts["loss"], torch.stack(wanted).sum())
    nothing = torch.full_like(parsing, 255)
    assert float(parser_loss(outputs, nothing, None)["loss"].detach()) == 0


def test_structure_loss_is_that_of_the_fused_logits():
    outputs, parsing = logits_and_truth()
    truth = parsing[:, ::8, ::8].long()
    loss = StructureLoss("gps", "soft", 1.0, 10.0)
    parts = parser_loss(outputs, parsing, PLAN)
    assert torch.equal(parts["loss"], loss(outputs["logits"], truth))
    assert torch.equal(parts["person_weight"], loss.weight(outputs["logits"], truth).mean())
    outputs, parsing = logits_and_truth(scales=1)
    parts = parser_loss(outputs, parsing, PLAN)
    assert set(parts) == {"parsing", "scale_1", "person_weight", "loss"}
    parts["loss"].backward()
    assert all(t.grad.abs().sum() > 0 for t in (outputs["logits"], *outputs["scales"]))


def test_released_mode_learns_as_cross_entropy_does():
    plan = StructurePlan("released", "heatmaps", 0.0, 1.0, 1.0)
    gradients = []
    for each in (plan, None):
        outputs, parsing = logits_and_truth(scales=1)
        parser_loss(outputs, parsing, each)["loss"].backward()
        gradients.append((outputs["logits"].grad, outputs["scales"][0].grad))
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_a_step_takes_the_plan_of_its_time():
    outputs, parsing = logits_and_truth()
    recipe = recipe_of(structure=PLAN)
    found = [step_loss(outputs, PersonBatch(parsing, parsing, n), recipe, None) for n in (0, 7)]
    assert ["person_weight" in parts for parts in found] == [False, True]
    batch = PersonBatch(parsing, parsing, 3).to(torch.device("cpu"))
    assert batch.step == 3 and torch.equal(batch.parsing, parsing)


@pytest.mark.parametrize("name", SMALL)
def test_tasks_build_teach_and_parse(name):
    recipe = recipe_of(name, structure=PLAN)
    task = find_task(name)
    model = task.build(recipe, None)
    assert task_of(model).kind is task.kind
    image = torch.randint(0, 256, (2, 3, 48, 32), dtype=torch.uint8)
    batch = PersonBatch(image, torch.randint(0, 20, (2, 48, 32), dtype=torch.uint8), 7)
    parts = task.loss(model.train(), batch, recipe, torch.ones(20))
    assert "person_weight" in parts and torch.isfinite(parts["loss"])
    parts["loss"].backward()
    photo = np.random.default_rng(0).integers(0, 256, (65, 43, 3), np.uint8)
    assert predict_labels(model, photo[None]).shape == (1, 65, 43)
    people = task.parse(model, photo, Options(long_side=48))
    assert people.size == (65, 43) and len(people.people) <= 1
    labels = predict_labels(model, photo[None])[0]
    assert np.array_equal(parse_one_person(model, photo).parsing, labels)


def test_another_recipe_is_refused():
    with pytest.raises(InputError, match="recipe must be a ParserRecipe for 'fcn8s_small', got Re"):
        find_task("fcn8s_small").build(Recipe(model="fcn8s_small"), None)
