"""A network in INT8: what stays float, what its passport says, what cannot be quantised."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'peopleparse[train]'")

from peopleparse.errors import InputError, ModelError  # noqa: E402
from peopleparse.inference import OnnxEngine, parse_image, quantize  # noqa: E402
from peopleparse.inference.engines import build_engine  # noqa: E402
from peopleparse.inference.exported import DEFAULT_MODEL, as_passport  # noqa: E402
from peopleparse.inference.passport import file_sha256  # noqa: E402
from peopleparse.inference.quantize import (  # noqa: E402
    Recorder,
    find_sensitive,
    quantize_model,
    share_of_same_parts,
)
from peopleparse.viz import draw_scene  # noqa: E402
from tests.fakes import FakeEngine, draw_people  # noqa: E402
from tests.inference.test_engines import write_model, write_passport  # noqa: E402

RED = np.full((64, 64, 3), 50, np.uint8)


class NotQuantising:
    """In the place of NNCF: takes what it is given, and gives the graph back."""

    __version__ = "0"

    def __init__(self):
        self.seen = []

    def quantize(self, graph, items, feed, kept):
        self.seen.append([feed(item) for item in items])
        return graph


@pytest.fixture
def library(monkeypatch):
    library = NotQuantising()
    monkeypatch.setattr(quantize, "_import_libraries", lambda: (library, onnx))
    monkeypatch.setattr(quantize, "_quantize_graph", lambda nncf, *rest: nncf.quantize(*rest))
    return library


def test_the_detector_the_fine_map_and_the_last_layers_stay_float():
    passport = as_passport(DEFAULT_MODEL)
    trunk, rois = (
        find_sensitive(onnx.load(str(passport.path(part))).graph) for part in ("trunk", "rois")
    )
    assert rois == [
        "/rois/fusion/fusion.1/Conv",
        "/rois/presence/labels/Conv",
        "/rois/presence/seen/Conv",
    ]
    kinds = [name.split("/")[2:4] for name in trunk]
    assert kinds.count(["detector", "stem"]) == 4
    assert ["detector", "person"] in kinds and ["detector", "face"] in kinds
    assert sum(name.startswith("/trunk/global_parser/") for name in trunk) == 3
    assert {name.split("/")[3] for name in trunk if "/backbone/" in name} == {"to_4"}


def test_graphs_see_what_the_pipeline_shows_them(library, tmp_path):
    engine = OnnxEngine(write_model(tmp_path))
    recorder = Recorder(engine)
    assert (recorder.name, recorder.stride) == ("toy", 16) and recorder.description
    wanted = parse_image(engine, RED)
    np.testing.assert_array_equal(parse_image(recorder, RED).parsing, wanted.parsing)
    assert len(recorder.images) == len(recorder.calls) == 1
    fed = recorder.feed_rois(recorder.calls[0])
    assert sorted(fed) == sorted(engine._inputs) and float(fed["shared"]) == 50
    assert fed["boxes"].shape == (1, 4) and recorder.feed_trunk(RED)["image"].shape[0] == 1


def test_a_folder_like_that_of_an_export_is_written(library, tmp_path):
    source = as_passport(write_model(tmp_path))
    photos = [("a", RED), ("b", RED + 9)]
    report = quantize_model(source, iter(photos), tmp_path / "out", seed=3)
    assert sorted(path.name for path in report.passport.parent.iterdir()) == [
        *("toy_int8.json", "toy_int8.rois.onnx", "toy_int8.trunk.onnx")
    ]
    assert (report.photos, report.people, report.same) == (2, 2, 1.0)
    assert [len(seen) for seen in library.seen] == [2, 2]
    fields = json.loads(report.passport.read_text())
    assert fields["precision"] == "int8" and fields["licence"] == "Apache-2.0"
    origin = fields["quantised"]
    assert origin["from"] == {"name": "toy", "sha256": dict(source.sha256)}
    assert (origin["photos"], origin["people"], origin["seed"]) == (2, 2, 3)
    other = quantize_model(source, photos[::-1], tmp_path / "out")
    again = json.loads(other.passport.read_text())["quantised"]
    assert again["photos_sha256"] == origin["photos_sha256"]  # their order does not count
    for name in ("onnxruntime", "openvino"):
        if name == "openvino":
            pytest.importorskip("openvino", reason="needs pip install 'peopleparse[openvino]'")
        engine = build_engine(name, tmp_path / "out")
        assert engine.precision == "int8" and len(parse_image(engine, RED)) == 1


def test_scores_of_the_float_network_are_not_its_own(library, tmp_path):
    write_model(tmp_path)
    source = as_passport(write_passport(tmp_path, scores={"photos": 1}, data=["ours"]))
    report = quantize_model(source, [("a", RED)], tmp_path / "out")
    fields = json.loads(report.passport.read_text())
    assert "scores" not in fields and fields["data"] == ["ours"]


def test_a_failure_leaves_what_was_there(monkeypatch, library, tmp_path):
    source = as_passport(write_model(tmp_path))
    report = quantize_model(source, [("a", RED)], tmp_path / "out")
    before = {path.name: file_sha256(path) for path in report.passport.parent.iterdir()}

    def fail(*args):
        raise ModelError("cannot")

    monkeypatch.setattr(quantize, "share_of_same_parts", fail)
    with pytest.raises(ModelError, match="cannot"):
        quantize_model(source, [("b", RED)], tmp_path / "out")
    assert {path.name: file_sha256(path) for path in (tmp_path / "out").iterdir()} == before


def test_photos_without_people(library, tmp_path):
    source = as_passport(DEFAULT_MODEL)
    wall = np.full((64, 64, 3), 128, np.uint8)
    text = "photos to calibrate with must show people, got none in 2 photos. Give photos like those"
    with pytest.raises(InputError, match=text):
        quantize_model(source, [("a", wall), ("b", wall)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_quantised_already(tmp_path):
    write_model(tmp_path)
    source = as_passport(write_passport(tmp_path, precision="int8"))
    with pytest.raises(
        InputError, match="network to quantise must be f32, got int8, at .*Take the"
    ):
        quantize_model(source, [], tmp_path / "out")


def test_a_missing_library(monkeypatch, tmp_path):
    source = as_passport(write_model(tmp_path))
    monkeypatch.setitem(sys.modules, "nncf", None)
    text = r"must have nncf and onnx, got '.*nncf.*'. Install them: pip install 'peopleparse\[openv"
    with pytest.raises(InputError, match=text):
        quantize_model(source, [("a", RED)], tmp_path / "out")


def test_the_share_of_same_parts():
    image = draw_people((96, 96), [(10, 10, 60, 80)])
    assert share_of_same_parts(FakeEngine(), FakeEngine(), [image]) == 1
    nobody = type("Nobody", (FakeEngine,), {"trunk": lambda self, i: FakeEngine().trunk(i * 0)})()
    assert 0.3 < share_of_same_parts(FakeEngine(), nobody, [image, image * 0]) < 0.9
    assert share_of_same_parts(FakeEngine(), FakeEngine(), []) == 0


def test_what_nncf_cannot_do(tmp_path):
    nncf = pytest.importorskip("nncf", reason="needs pip install 'peopleparse[openvino]'")
    with pytest.raises(ModelError, match="network must be one that NNCF .* can quantise, got '.+'"):
        quantize._quantize_graph(nncf, onnx.ModelProto(), [1], lambda item: {}, [])


@pytest.mark.slow
def test_the_shipped_network_in_int8(tmp_path):
    pytest.importorskip("nncf", reason="needs pip install 'peopleparse[openvino]'")
    pytest.importorskip("openvino", reason="needs pip install 'peopleparse[openvino]'")
    source = as_passport(DEFAULT_MODEL)
    images = [draw_scene(3, (192, 256), seed=seed).image for seed in range(4)]
    report = quantize_model(source, [(str(i), image) for i, image in enumerate(images)], tmp_path)
    assert report.same > 0.9
    size = sum(path.stat().st_size for path in tmp_path.glob("*.onnx"))
    assert size < 0.5 * sum(source.path(part).stat().st_size for part in ("trunk", "rois"))
    engines = [build_engine(name, tmp_path, 1) for name in ("onnxruntime", "openvino")]
    float_engine, image = OnnxEngine(source, 1), images[0]
    trunk, boxes = float_engine.trunk(image), np.array([[30, 20, 90, 150]], np.float32)
    logits = [engine.rois(trunk, boxes, boxes / 2 + 15, np.array([True])) for engine in engines]
    # Both libraries calculate the same graph; cut off in place of rounded, one cell in 20 differs.
    assert (logits[0].argmax(1) == logits[1].argmax(1)).mean() > 0.99
