"""A model leaves training: bytes in, probabilities out, and ONNX equal to torch."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from peopleparse.errors import InputError, ModelError  # noqa: E402
from peopleparse.inference import OnnxEngine  # noqa: E402
from peopleparse.inference.engine import LONG_SIDES  # noqa: E402
from peopleparse.inference.passport import file_sha256, read_passport  # noqa: E402
from peopleparse.inference.pipeline import parse_image  # noqa: E402
from peopleparse.training import export  # noqa: E402
from peopleparse.training.checkpoint import save_checkpoint  # noqa: E402
from peopleparse.training.deploy import (  # noqa: E402
    STRIDE,
    TRUNK_OUTPUTS,
    Deployed,
    DeployedRois,
    DeployedTrunk,
)
from peopleparse.training.export import (  # noqa: E402
    as_engine,
    check_export,
    compare_results,
    export_model,
    load_average,
)
from peopleparse.viz import draw_scene  # noqa: E402
from tests.training.conftest import tiny_recipe  # noqa: E402
from tests.training.toy_model import make_model  # noqa: E402

BOXES = torch.tensor([[8.0, 4, 40, 60], [20, 10, 60, 60]])
FACES = torch.tensor([[12.0, 8, 22, 18], [0, 0, 0, 0]])
HAS_FACE = torch.tensor([True, False])


@pytest.fixture(scope="module")
def model():
    return make_model()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    said = {"licence": "Apache-2.0", "name": "another", "stride": 1, "sha256": {}}
    return export_model(model, tmp_path_factory.mktemp("out") / "new", "toy", said)


@pytest.fixture(scope="module")
def engine(exported):
    return OnnxEngine(exported)


@torch.no_grad()
def test_the_deployed_form_takes_bytes_and_gives_probabilities(model):
    image = torch.randint(0, 256, (1, 64, 96, 3), dtype=torch.uint8)
    outputs = DeployedTrunk(model)(image)
    plain = model.trunk(image.permute(0, 3, 1, 2).float())
    assert set(TRUNK_OUTPUTS) <= outputs.keys() == plain.keys()
    for name, value in plain.items():
        wanted = value.sigmoid() if name.endswith("_heat") else value
        torch.testing.assert_close(outputs[name], wanted)
    logits = DeployedRois(model)(outputs, BOXES, FACES, HAS_FACE)
    people = (torch.zeros(2, dtype=torch.long), BOXES, FACES, HAS_FACE)
    torch.testing.assert_close(logits, model.rois(plain, *people)["logits"])
    both = Deployed(model)
    assert both.trunk.model is both.rois.model is model


def test_export_writes_two_graphs_and_a_passport_and_nothing_else(exported):
    names = sorted(path.name for path in exported.parent.iterdir())
    assert names == ["toy.json", "toy.rois.onnx", "toy.trunk.onnx"]
    passport = read_passport(exported)
    assert (passport.name, passport.scheme, passport.stride) == ("toy", "gps", STRIDE)
    assert passport.long_sides == LONG_SIDES
    assert passport.sha256 == {n: file_sha256(exported.parent / n) for n in names[1:]}


def test_what_is_said_beside_does_not_change_what_was_exported(exported):
    fields = json.loads(exported.read_text())
    assert fields["licence"] == "Apache-2.0"
    assert fields["name"] == "toy" and fields["stride"] == STRIDE and len(fields["sha256"]) == 2


def test_both_engines_say_the_stride_of_the_deepest_features(model, engine):
    assert engine.stride == as_engine(model).stride == STRIDE == 32
    trunk = engine.trunk(np.zeros((2 * STRIDE, 3 * STRIDE, 3), np.uint8))
    assert trunk.person_heat.shape == (8, 12) and trunk.person_boxes.shape == (4, 8, 12)
    odd = np.random.default_rng(0).integers(0, 256, (45, 71, 3), np.uint8)
    assert parse_image(engine, odd).size == (45, 71)


def test_onnx_equals_torch(model, engine):
    assert check_export(model, engine) < 5e-5  # a wrong layer is off by more than 1e-3
    image = np.random.default_rng(0).integers(0, 256, (96, 64, 3), np.uint8)
    ours, theirs = (vars(e.trunk(image)) for e in (as_engine(model), engine))
    for name in TRUNK_OUTPUTS:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-4 * np.ptp(ours[name]))


def test_results_are_the_same_on_nearly_all_pixels(model, engine):
    images = [draw_scene(3, (96, 128)).image, draw_scene(2, (90, 62), seed=1).image]
    found = [parse_image(engine, image) for image in images]
    assert all(len(result) and len(np.unique(result.parsing)) > 3 for result in found)
    same = compare_results(model, engine, images)
    assert (same["images"], same["pixels"]) == (2, 96 * 128 + 90 * 62)
    assert same["same"] >= 0.999


def test_another_model_gives_other_results(engine):
    other = make_model(1)
    text = (
        r"exported person_heat must equal torch's to 0\.001 of its range, got \S+\. "
        "Report the versions of torch, onnx and onnxruntime"
    )
    with pytest.raises(ModelError, match=text):
        check_export(other, engine, images=1)
    assert compare_results(other, engine, [draw_scene(3, (96, 128)).image])["same"] < 0.999


@pytest.mark.parametrize("wrong", [np.nan, 1.0])
def test_a_graph_that_differs_in_one_number_is_found(model, monkeypatch, wrong):
    class Off:
        """Torch again, but for one logit."""

        def __init__(self) -> None:
            self._engine = as_engine(model)
            self.trunk = self._engine.trunk

        def rois(self, *people):
            logits = self._engine.rois(*people)
            logits[1, 3, 5, 7] += wrong
            return logits

    with pytest.raises(ModelError, match="exported logits must equal torch's to 0.001 of its"):
        check_export(model, Off(), images=1)


@pytest.mark.parametrize(
    ("switches", "inputs"),
    [
        ({"adjust": False}, {"features", "fine", "global_logits", "boxes"}),
        ({"fuse": False}, {"features", "fine", "boxes", "faces", "has_face"}),
        (
            {"presence": True},
            {"features", "fine", "global_logits", "boxes", "faces", "has_face"},
        ),
    ],
)
def test_ablated_models_export_as_well(tmp_path, switches, inputs):
    path = export_model(make_model(**switches), tmp_path, "ablated")
    engine = OnnxEngine(path)
    assert set(engine._inputs) == inputs
    assert len(parse_image(engine, draw_scene(3, (96, 128)).image)) > 0


@pytest.mark.parametrize("name", ["", "a/b", "."])
def test_name_is_a_file_name(model, tmp_path, name):
    with pytest.raises(InputError, match="name must be a file name without folders"):
        export_model(model, tmp_path / "out", name)
    assert not (tmp_path / "out").exists()


def test_a_failed_export_leaves_what_was_there(model, exported, monkeypatch):
    def fail(*args):
        raise ModelError("exported logits differ")

    before = {path.name: path.read_bytes() for path in exported.parent.iterdir()}
    monkeypatch.setattr(export, "check_export", fail)
    # The graphs themselves were made by the fixture; here only the end of the export counts.
    monkeypatch.setattr(export, "_export", lambda module, inputs, path, *_: path.write_bytes(b"x"))
    monkeypatch.setattr(export, "OnnxEngine", lambda path: None)
    with pytest.raises(ModelError, match="exported logits differ"):
        export_model(model, exported.parent, "toy")
    assert {path.name: path.read_bytes() for path in exported.parent.iterdir()} == before


def test_scoring_leaves_a_model_in_evaluation_where_it_is(model):
    as_engine(model)
    assert not model.training and next(model.parameters()).device.type == "cpu"


def make_state(network, **changes):
    recipe = tiny_recipe(adjust=False).to_dict()
    state = {"step": 7, "recipe": json.dumps(recipe), "average": network.state_dict()}
    return state | changes


def test_a_run_gives_its_averaged_weights(model, tmp_path):
    first = next(iter(model.state_dict()))
    save_checkpoint(tmp_path / "last.pt", make_state(model, model={first: torch.zeros(1)}))
    loaded, about = load_average(tmp_path / "last.pt")
    assert not loaded.training and not loaded.adjust and loaded.fuse
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert about["step"] == 7 and about["recipe"]["model"] == "gpsnet_mobilenet_v2"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"recipe": "{}"}, "KeyError 'model'"),
        ({"recipe": "no JSON"}, "JSONDecodeError"),
        ({"average": {}}, "RuntimeError Error(s) in loading state_dict for GPSNet:"),
    ],
)
def test_what_is_no_run_is_an_error(model, tmp_path, change, reason):
    path = tmp_path / "other.pt"
    save_checkpoint(path, make_state(model, **change))
    text = f"checkpoint must hold recipe, step and average of a run, got {reason}"
    with pytest.raises(ModelError, match=re.escape(text)) as caught:
        load_average(path)
    assert str(caught.value).endswith(f", at {path}. Give the last.pt of a run.")


def test_plain_weights_are_no_run(tmp_path):
    save_checkpoint(tmp_path / "weights.pt", {"layer": torch.zeros(2)})
    text = "checkpoint must hold recipe, step and average of a run, got KeyError 'recipe', at"
    with pytest.raises(ModelError, match=text):
        load_average(tmp_path / "weights.pt")
