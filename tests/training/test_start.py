from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from peopleparse.errors import ModelError  # noqa: E402
from peopleparse.models.build import build_baseline, build_model  # noqa: E402
from peopleparse.training import start  # noqa: E402
from peopleparse.training.start import start_from  # noqa: E402


def test_every_mobilenet_gets_the_shipped_layers():
    net, pair = build_model("gpsnet_mobilenet_v2"), build_baseline("det_par_mobilenet_v2")
    before = net.backbone.from_32[0].weight.clone()
    assert start_from(net, "gpsnet_mobilenet_v2") == 1
    assert start_from(pair, "gpsnet_mobilenet_v2") == 2
    wanted = net.backbone.to_8.state_dict()
    found = [m for n, m in pair.named_modules() if n.endswith("to_8")]
    assert len(found) == 2
    for layers in found:
        assert all(torch.equal(layers.state_dict()[key], value) for key, value in wanted.items())
    assert torch.equal(net.backbone.from_32[0].weight, before)  # starts from chance


def test_bad_input(monkeypatch):
    with pytest.raises(ModelError, match="model must have MobileNetV2 features to start from"):
        start_from(torch.nn.Linear(2, 2), "gpsnet_mobilenet_v2")
    with pytest.raises(ModelError, match="model must be a shipped name"):
        start_from(build_model("gpsnet_mobilenet_v2"), "gpsnet_mobilenet")
    monkeypatch.setattr(start, "_LAYERS", ("to_4.", "from_32."))
    with pytest.raises(ModelError, match=r"must hold the \d+ arrays of MobileNetV2, got \d+ of"):
        start_from(build_model("gpsnet_mobilenet_v2"), "gpsnet_mobilenet_v2")


def test_a_run_may_start_from_every_layer_of_an_export(tmp_path):
    from peopleparse.inference.passport import WEIGHTS_FOLDER, read_passport
    from peopleparse.training.from_export import load_exported
    from peopleparse.training.recipe import Recipe
    from peopleparse.training.tasks import find_task

    name = "gpsnet_mobilenet_v2"
    network = load_exported(read_passport(WEIGHTS_FOLDER / f"{name}.json"))
    recipe = Recipe(backbone="", init=name, presence=network.presence is not None)
    model, shipped = find_task(name).build(recipe, tmp_path), network.state_dict()
    assert all(torch.equal(value, shipped[key]) for key, value in model.state_dict().items())
    assert all(value.requires_grad for value in model.parameters())
    chance = find_task(name).build(recipe, None).state_dict()  # what a checkpoint is loaded into
    assert chance.keys() == shipped.keys()
    wrong = "network to start from must have model=.* fuse=False, got model=.* fuse=True, at"
    with pytest.raises(ModelError, match=wrong):
        find_task(name).build(Recipe(fuse=False, init=name), tmp_path)
    with pytest.raises(ModelError, match="model must be a GPSNet to start from every layer of"):
        find_task("det_par_vgg16").build(Recipe(model="det_par_vgg16", init=name), tmp_path)


@torch.no_grad()
def test_a_head_that_the_export_lacks_begins_as_one_that_changes_nothing(tmp_path):
    from peopleparse.training.export import export_model
    from peopleparse.training.recipe import Recipe
    from peopleparse.training.tasks import find_task

    task = find_task("gpsnet_mobilenet_v2")
    without = Recipe(backbone="", init="gpsnet_mobilenet_v2", presence=False)
    plain = task.build(without, tmp_path)
    assert plain.presence is None, "one head too many is dropped"
    init = export_model(plain, tmp_path, "plain", {"recipe": without.to_dict()})
    recipe = Recipe(backbone="", init=str(init), presence=True)
    model = task.build(recipe, tmp_path)
    assert model.presence is not None
    empty = task.build(recipe, None).state_dict()
    assert empty.keys() == model.state_dict().keys()
    image, box = torch.randint(0, 256, (1, 3, 128, 128)).float(), torch.tensor([[8.0, 8, 60, 120]])
    people = torch.tensor([0]), box, box / 2, torch.tensor([True])
    before, after = (network.eval()(image, *people)["logits"] for network in (plain, model))
    assert (before - after).abs().max() < 0.1


def test_a_checkpoint_of_another_start_is_refused(tmp_path):
    from peopleparse.training.loop import check_same_model
    from peopleparse.training.recipe import Recipe

    plain, started = Recipe(), Recipe(init="gpsnet_mobilenet_v2")
    check_same_model(started, started.to_dict(), tmp_path)
    check_same_model(plain, plain.to_dict(), tmp_path)
    with pytest.raises(ModelError, match="checkpoint must have init=gpsnet_mobilenet_v2, got ,"):
        check_same_model(started, plain.to_dict(), tmp_path)


def test_a_run_that_started_from_an_export_is_exported_like_any_other(tmp_path):
    from peopleparse.training.checkpoint import save_checkpoint
    from peopleparse.training.export import load_average
    from peopleparse.training.recipe import Recipe
    from peopleparse.training.tasks import find_task

    recipe = Recipe(backbone="", init="gpsnet_mobilenet_v2")
    model = find_task(recipe.model).build(recipe, tmp_path)
    state = {"recipe": json.dumps(recipe.to_dict()), "step": 0, "average": model.state_dict()}
    save_checkpoint(tmp_path / "last.pt", state)
    found, _ = load_average(tmp_path / "last.pt")
    assert all(map(torch.equal, found.state_dict().values(), model.state_dict().values()))
