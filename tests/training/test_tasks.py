"""Tasks: GPSNet and the baselines through one loop, from the build to people in a photo."""

from __future__ import annotations

import math
import re
import signal
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")

from peopleparse.errors import InputError, ModelError  # noqa: E402
from peopleparse.inference.pipeline import Options, parse_image  # noqa: E402
from peopleparse.models.build import BASELINES, MODELS  # noqa: E402
from peopleparse.models.person_rcnn import Found  # noqa: E402
from peopleparse.structures import ParsedPeople  # noqa: E402
from peopleparse.training.batches import Batches, collate, read_training_data  # noqa: E402
from peopleparse.training.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from peopleparse.training.distributed import World  # noqa: E402
from peopleparse.training.export import as_engine  # noqa: E402
from peopleparse.training.loop import CHECKPOINT, Trainer, train  # noqa: E402
from peopleparse.training.parser_task import PARSER_MODELS  # noqa: E402
from peopleparse.training.recipe import Recipe, load_recipe  # noqa: E402
from peopleparse.training.tasks import TASKS, find_task, load_trained, task_of  # noqa: E402
from peopleparse.viz import draw_scene  # noqa: E402
from tests.conftest import REPO  # noqa: E402
from tests.training.conftest import tiny_recipe  # noqa: E402
from tests.training.test_loop import differing  # noqa: E402
from tests.training.toy_model import make_model  # noqa: E402

SMALL = ("det_par_mobilenet_v2", "ins_glo_mobilenet_v2")
LARGE = ("det_par_vgg16", "ins_glo_vgg16")


def test_every_model_has_a_task_and_every_task_a_recipe():
    assert list(TASKS) == [*MODELS, *BASELINES, *PARSER_MODELS]
    recipes = {load_recipe(path).model for path in (REPO / "recipes").glob("*.py")}
    assert {*MODELS, *BASELINES} <= recipes
    for name in SMALL:
        task = find_task(name)
        assert task_of(task.build(tiny_recipe(model=name), None)) is task


def test_unknown_names_and_models_are_errors():
    text = "model must be a known name, got 'det_par_vgg'. Did you mean 'det_par_vgg16'? Choices: "
    with pytest.raises(ModelError, match=re.escape(text)):
        find_task("det_par_vgg")
    kinds = "AttentionToScale, DeepLabV2, DetPar, FCN8s, GPSNet, InsGlo, SegNet"
    text = f"model must be one of {kinds}, got Linear. Add its task to TASKS."
    with pytest.raises(ModelError, match=re.escape(text)):
        task_of(torch.nn.Linear(1, 1))


def two_scenes(size: tuple[int, int] = (96, 128), rois: int = 8):
    """Return a batch of two drawn groups."""
    truths = []
    for seed in range(2):
        scene = draw_scene(2, size, seed)
        truths.append((scene.image, scene.parsing, scene.instances.astype(np.int16)))
    return collate(truths, False, np.random.default_rng(0), rois)


@pytest.mark.parametrize("name", SMALL)
def test_twenty_steps_on_two_scenes_bring_the_loss_down(name, tmp_path):
    recipe = tiny_recipe(model=name, steps=20, warmup=1)
    trainer = Trainer(recipe, tmp_path, World.from_environment())
    batch = two_scenes()
    losses = [trainer.train_step(batch, torch.ones(20)) for _ in range(20)]
    assert all(math.isfinite(value) for step in losses for value in step.values())
    means = [
        {part: np.mean([step[part] for step in some]) for part in losses[0]}
        for some in (losses[:3], losses[-3:])
    ]
    assert means[1]["loss"] < 0.8 * means[0]["loss"]
    assert means[1]["parsing"] < means[0]["parsing"]
    assert means[1]["person"] < means[0]["person"]
    result = trainer.task.parse(trainer.model, draw_scene(2, (96, 128)).image)
    assert isinstance(result, ParsedPeople) and not trainer.model.training


def test_bfloat16_changes_little(tmp_path):
    batch = two_scenes()
    for name in SMALL:
        losses = []
        for bfloat16 in (False, True):
            recipe = tiny_recipe(model=name, bfloat16=bfloat16)
            trainer = Trainer(recipe, tmp_path, World.from_environment())
            losses.append(trainer.train_step(batch, torch.ones(20))["loss"])
        assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.1)


@pytest.mark.parametrize("name", SMALL)
def test_a_stopped_run_resumes_exactly_and_can_be_loaded(name, tiny_data, tmp_path):
    recipe = tiny_recipe(model=name, steps=3)
    train(recipe, tiny_data, tmp_path / "straight", workers=0)

    def report(step: int, values: dict[str, float]) -> None:
        if step == 1:
            signal.raise_signal(signal.SIGTERM)

    for wanted in (1, 3):
        stopped = train(recipe, tiny_data, tmp_path / "broken", workers=0, report=report)
        assert stopped.step == wanted
    paths = [tmp_path / run / CHECKPOINT for run in ("straight", "broken")]
    assert differing(*(load_checkpoint(path) for path in paths)) == []

    model, found = load_trained(paths[0])
    assert found == recipe and not model.training
    assert differing(model.state_dict(), load_checkpoint(paths[0])["average"]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_the_papers_size_runs_a_step_and_resumes(name, tmp_path):
    recipe = replace(load_recipe(REPO / "recipes" / f"{name}.py"), bfloat16=False)
    batch, world = two_scenes((64, 64), rois=1), World.from_environment()
    trainer = Trainer(recipe, tmp_path, world)
    values = trainer.train_step(batch, torch.ones(20))
    assert all(math.isfinite(value) for value in values.values())
    save_checkpoint(tmp_path / CHECKPOINT, trainer.state())
    wanted = trainer.train_step(batch, torch.ones(20))
    del trainer
    resumed = Trainer(recipe, tmp_path, world)
    resumed.load(load_checkpoint(tmp_path / CHECKPOINT))
    assert resumed.step == 1 and resumed.train_step(batch, torch.ones(20)) == wanted
    people = Options(max_people=1)
    resumed.task.parse(resumed.model, draw_scene(2, (64, 64)).image, people)


def test_checkpoints_of_other_things_are_errors(tmp_path):
    path = tmp_path / CHECKPOINT
    save_checkpoint(path, {"step": 1})
    text = (
        f"checkpoint must hold recipe and average of a run, got KeyError 'recipe', at {path}. "
        "Give the last.pt of a run."
    )
    with pytest.raises(ModelError, match=re.escape(text)):
        load_trained(path)


def test_gpsnet_parses_through_the_pipeline():
    model, image = make_model(), draw_scene(3, (120, 160)).image
    result = find_task("gpsnet_mobilenet_v2").parse(model, image, Options(threshold=0.01))
    wanted = parse_image(as_engine(model), image, Options(threshold=0.01))
    assert len(wanted) > 0
    assert np.array_equal(result.instances, wanted.instances)
    assert np.array_equal(result.parsing, wanted.parsing)
    assert [p.score for p in result.people] == [p.score for p in wanted.people]


@pytest.fixture(scope="module", params=SMALL)
def baseline(request):
    torch.manual_seed(0)
    return find_task(request.param).build(Recipe(model=request.param), None).eval()


def pretend(monkeypatch, model, boxes, scores, seen=None):
    """Let the detector find these people, and the parsers see a hat (1) wherever they look."""

    def find(image, threshold, nms_iou, most):
        if seen is not None:
            seen.append((tuple(image.shape), threshold, nms_iou, most))
        found, count = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), len(boxes)
        return Found(found, torch.tensor(scores[:count]), torch.full((count, 1, 28, 28), 0.95))

    def parser(features):
        hat = torch.arange(20.0) == 1
        return (hat * 3.0).view(1, 20, 1, 1).expand(len(features), 20, *features.shape[2:])

    monkeypatch.setattr(model.detector, "find", find)
    monkeypatch.setattr(model.parser, "forward", parser)


def test_people_are_pasted_and_scored_as_in_the_pipeline(baseline, monkeypatch):
    boxes = [[0.0, 0, 256, 384], [300, 100, 500, 300], [0, 385, 100, 388]]
    seen = []
    pretend(monkeypatch, baseline, boxes, [0.5, 0.75, 0.9], seen)
    options = Options(threshold=0.3, nms_iou=0.7, max_people=9)
    image = np.zeros((191, 256, 3), np.uint8)  # seen at 382 x 512, padded to 384 x 512
    result = task_of(baseline).parse(baseline, image, options)
    assert seen == [((1, 3, 384, 512), 0.3, 0.7, 9)]
    # The third lies in the padding. A hat has a margin of 3 and a mask one of log(19) = 2.9.
    assert len(result) == 2 and set(np.unique(result.parsing)) == {0, 1}
    margin = 3.0 if hasattr(baseline, "crop") else math.log(19)
    confidence = round(255 / (1 + math.exp(-margin))) / 255
    assert [p.score for p in result.people] == pytest.approx(
        [0.5 * confidence, 0.75 * confidence], abs=1e-4
    )
    assert set(np.unique(result.confidence)) == {0, round(confidence * 255)}
    assert result.instances[0, 0] == 1 and result.instances[100, 200] == 2
    assert (result.instances == 0).any() and all(p.face_box is None for p in result.people)
    # Det.+Par. reaches a little beyond the box, as GPSNet does; a mask ends with its box.
    assert result.instances[0, 128 + 3] == (1 if hasattr(baseline, "crop") else 0)


def test_a_pixel_has_one_owner_and_nobody_is_nobody(baseline, monkeypatch):
    image = np.zeros((192, 256, 3), np.uint8)
    pretend(monkeypatch, baseline, [[0.0, 0, 200, 300], [100, 100, 400, 384]], [0.5, 0.75])
    result = task_of(baseline).parse(baseline, image)
    assert len(result) == 2
    assert result.instances[75, 75] == 2  # at equal margins the better score
    pretend(monkeypatch, baseline, [], [])
    result = task_of(baseline).parse(baseline, image, Options(detail="fast"))
    assert len(result) == 0 and not result.parsing.any() and result.parsing.shape == (192, 256)


def test_an_unknown_detail_is_an_error(baseline):
    text = "detail must be a known name, got 'finer'. Did you mean 'fine'? Choices: "
    with pytest.raises(InputError, match=re.escape(text)):
        task_of(baseline).parse(baseline, np.zeros((8, 8, 3), np.uint8), Options(detail="finer"))


def test_views_of_a_baseline_are_an_error(baseline):
    image = np.zeros((64, 64, 3), np.uint8)
    for options in (Options(flip=True), Options(scales=(1.0, 1.25))):
        with pytest.raises(InputError, match="views of a baseline must be one, got scales"):
            task_of(baseline).parse(baseline, image, options)


def test_the_loop_takes_a_data_set_of_batches(tiny_data, tmp_path):
    recipe = tiny_recipe()
    composed = Batches(recipe, *read_training_data(tiny_data))
    train(recipe, tiny_data, tmp_path / "composed", workers=0)
    train(recipe, tmp_path, tmp_path / "given", workers=0, batches=composed)
    paths = [tmp_path / run / CHECKPOINT for run in ("composed", "given")]
    assert differing(*(load_checkpoint(path) for path in paths)) == []
    plain = [composed[step] for step in range(4)]  # cannot tell how rare a label is
    train(recipe, tmp_path, tmp_path / "plain", workers=0, batches=plain)
    moved = load_checkpoint(tmp_path / "plain" / CHECKPOINT)["model"]
    assert differing(moved, load_checkpoint(paths[0])["model"])


def test_batches_of_another_length_are_refused(tmp_path):
    text = (
        "batches must hold one item for each of 4 steps, got 3. "
        "Repeat a data set until it is as long as the recipe."
    )
    with pytest.raises(InputError, match=re.escape(text)):
        train(tiny_recipe(), tmp_path, tmp_path, workers=0, batches=[None] * 3)
