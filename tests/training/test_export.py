"""A model leaves training: bytes in, probabilities out, and ONNX equal to torch."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from peopleparse.errors import ModelError  # noqa: E402
from peopleparse.inference import OnnxEngine  # noqa: E402
from peopleparse.inference.passport import read_passport  # noqa: E402
from peopleparse.models.build import build_model  # noqa: E402
from peopleparse.training.deploy import TRUNK_OUTPUTS, DeployedRois, DeployedTrunk  # noqa: E402
from peopleparse.training.export import (  # noqa: E402
    as_engine,
    check_export,
    compare_results,
    export_model,
)

BOXES = torch.tensor([[8.0, 4, 40, 60], [20, 10, 60, 60]])
FACES = torch.tensor([[12.0, 8, 22, 18], [0, 0, 0, 0]])
HAS_FACE = torch.tensor([True, False])


def make_model(seed: int = 0):
    """Return a model that, as a trained one, tells one cell from another."""
    torch.manual_seed(seed)
    model = build_model("gpsnet_mobilenet_v2").eval()
    noise = torch.randint(0, 256, (1, 3, 96, 96)).float()
    with torch.no_grad():
        outputs = model.trunk(noise)
        for kind in ("person", "face"):
            head = getattr(model.detector, kind)
            head.weight[0] /= outputs[f"{kind}_heat"].std()
            head.bias[0] = 0
    return model


@pytest.fixture(scope="module")
def model():
    return make_model()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    return export_model(model, tmp_path_factory.mktemp("out"), "toy", {"licence": "Apache-2.0"})


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


def test_export_writes_two_graphs_and_a_passport_and_nothing_else(exported):
    names = sorted(path.name for path in exported.parent.iterdir())
    assert names == ["toy.json", "toy.rois.onnx", "toy.trunk.onnx"]
    passport = read_passport(exported)
    assert (passport.name, passport.scheme, passport.stride) == ("toy", "gps", 32)
    assert passport.fields["licence"] == "Apache-2.0"


def test_onnx_equals_torch(model, exported):
    engine = OnnxEngine(exported)
    assert check_export(model, engine, images=1) < 1e-3
    image = np.random.default_rng(0).integers(0, 256, (96, 64, 3), np.uint8)
    pairs = zip(*(vars(e.trunk(image)).items() for e in (as_engine(model), engine)), strict=True)
    for (name, ours), (_, theirs) in pairs:
        if name != "tensors":
            np.testing.assert_allclose(ours, theirs, atol=1e-3 * max(np.ptp(ours), 1e-3))
    same = compare_results(model, engine, [image])
    assert same["pixels"] >= 96 * 64 and same["same"] >= 0.999


def test_another_model_is_not_the_exported_one(exported):
    text = r"exported \w+ must equal torch's to .* of its range, got .* Report the versions"
    with pytest.raises(ModelError, match=text):
        check_export(make_model(1), OnnxEngine(exported), images=1)


def test_a_failed_export_leaves_what_was_there(model, exported, monkeypatch):
    from peopleparse.training import export

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
