"""The way back from an export: the same numbers in torch, every weight free to learn."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from peopleparse.errors import ModelError  # noqa: E402
from peopleparse.inference import OnnxEngine, parse_image  # noqa: E402
from peopleparse.inference.engines import build_engine  # noqa: E402
from peopleparse.inference.exported import DEFAULT_MODEL, as_passport  # noqa: E402
from peopleparse.nn.backbones import fold_batch_norms  # noqa: E402
from peopleparse.training.export import check_export, export_model  # noqa: E402
from peopleparse.training.from_export import (  # noqa: E402
    build_torch_engine,
    load_exported,
)
from peopleparse.viz import draw_scene  # noqa: E402
from tests.training.toy_model import make_model  # noqa: E402

BOXES = np.array([[30, 20, 90, 150], [-10, 5, 60, 90]], np.float32)


@pytest.fixture(scope="module")
def shipped():
    return as_passport(DEFAULT_MODEL)


@pytest.fixture(scope="module")
def model(shipped):
    return load_exported(shipped)


def test_torch_equals_onnx_on_a_drawn_scene(shipped):
    engines = build_torch_engine(shipped), OnnxEngine(shipped)
    image = draw_scene(3, (192, 256)).image
    trunks = [engine.trunk(image) for engine in engines]
    for name in ("person_heat", "person_boxes", "face_heat", "face_boxes", "global_logits"):
        ours, theirs = (getattr(trunk, name) for trunk in trunks)
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * max(1, np.ptp(theirs)))
    logits = [
        engine.rois(trunk, BOXES, BOXES / 2 + 10, np.array([True, False]))
        for engine, trunk in zip(engines, trunks, strict=True)
    ]
    np.testing.assert_allclose(*logits, atol=1e-4 * np.ptp(logits[1]))
    np.testing.assert_array_equal(*(parse_image(engine, image).parsing for engine in engines))


def test_an_engine_of_it_is_like_the_others(shipped):
    threads = torch.get_num_threads()
    try:
        engine = build_engine("torch", DEFAULT_MODEL, 1, build_torch=build_torch_engine)
        assert torch.get_num_threads() == 1
        assert re.fullmatch(r"torch [\d.]+, F32, 1 thread", engine.description)
    finally:
        torch.set_num_threads(threads)
    assert (engine.name, engine.scheme, engine.stride) == ("gpsnet_mobilenet_v2", "gps", 32)
    assert engine.passport == shipped and engine.long_sides == shipped.long_sides


def test_every_weight_learns(model):
    assert not model.training
    assert not [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    image = torch.from_numpy(draw_scene(2, (64, 96)).image).permute(2, 0, 1)[None].float()
    boxes = torch.tensor([[8.0, 4, 40, 60], [40, 8, 90, 60]])
    outputs = model.train()(
        image, torch.zeros(2, dtype=torch.long), boxes, boxes, torch.ones(2, dtype=torch.bool)
    )
    sum(value.square().mean() for value in outputs.values()).backward()
    still = [name for name, p in model.named_parameters() if p.grad is None]
    model.zero_grad()
    model.eval()
    assert still == [] and all(p.requires_grad for p in model.parameters())


def test_it_can_be_exported_again(model, shipped, tmp_path):
    path = export_model(model, tmp_path, "again", {"recipe": shipped.fields["recipe"]})
    assert check_export(model, OnnxEngine(path)) < 5e-5
    again = load_exported(as_passport(path))
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


@pytest.mark.parametrize("switches", [{"adjust": False}, {"fuse": False}, {"presence": True}])
def test_ablated_networks_come_back_as_well(tmp_path, switches):
    trained = make_model(**switches)
    recipe = {"model": "gpsnet_mobilenet_v2", "adjust": True, "fuse": True} | switches
    passport = as_passport(export_model(trained, tmp_path, "ablated", {"recipe": recipe}))
    loaded = load_exported(passport)
    assert (loaded.adjust, loaded.fuse) == (trained.adjust, trained.fuse)
    assert (loaded.presence is None) == (trained.presence is None)
    assert check_export(loaded, OnnxEngine(passport)) < 5e-5


@torch.no_grad()
def test_folding_changes_no_number():
    model, folded = make_model(), make_model()
    fold_batch_norms(folded)
    image = torch.randint(0, 256, (1, 3, 64, 96)).float()
    for name, value in model.trunk(image).items():
        torch.testing.assert_close(folded.trunk(image)[name], value, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("recipe", [None, 7, {"model": "gpsnet_mobilenet_v2"}])
def test_a_passport_without_a_recipe(shipped, recipe):
    passport = replace(shipped, fields={"recipe": recipe} if recipe else {})
    text = (
        r"passport must hold the recipe .* with model, adjust and fuse, got .*Error .*, at .*json"
    )
    with pytest.raises(ModelError, match=text):
        load_exported(passport)


def test_another_network_than_the_recipe_says(shipped):
    recipe = shipped.fields["recipe"] | {"fuse": False}
    text = r"export must hold the \d+ tensors .* got fusion.0.0.weight besides and 3 more that diff"
    with pytest.raises(ModelError, match=text):
        load_exported(replace(shipped, fields={"recipe": recipe}))


def test_a_changed_file_is_refused(tmp_path):
    for path in as_passport(DEFAULT_MODEL).folder.glob(f"{DEFAULT_MODEL}.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    fields = json.loads((tmp_path / f"{DEFAULT_MODEL}.json").read_text())
    fields["sha256"][f"{DEFAULT_MODEL}.rois.onnx"] = "0" * 64
    (tmp_path / f"{DEFAULT_MODEL}.json").write_text(json.dumps(fields))
    with pytest.raises(ModelError, match="weight file must have sha256 0000"):
        load_exported(as_passport(tmp_path))
