"""OpenVINO behind the same two calls: equal in f32, close in bf16, on graphs that it mended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from peopleparse.errors import ModelError
from peopleparse.inference import OnnxEngine, parse_image
from peopleparse.inference.exported import DEFAULT_MODEL, ROI_INPUTS
from peopleparse.viz import draw_scene
from tests.inference.test_engines import make_graph, write_model, write_passport

openvino = pytest.importorskip("openvino", reason="needs pip install 'peopleparse[openvino]'")
pytest.importorskip("onnx", reason="needs onnx: pip install 'peopleparse[train]'")

from peopleparse.inference import openvino_engine  # noqa: E402
from peopleparse.inference.openvino_engine import OpenVinoEngine, has_bf16  # noqa: E402
from peopleparse.inference.openvino_graph import (  # noqa: E402
    join_quantising,
    pool_by_products,
    split_sampling,
)

# The last lie partly and wholly outside the photo, and one is thin.
BOXES = np.array(
    [
        [30, 20, 90, 150],
        [64, 32, 65, 90],
        [-40, -30, 60, 90],
        [150, 90, 260, 180],
        [300, 9, 400, 99],
    ],
    np.float32,
)
FACES = np.array([[50, 25, 70, 50], [60, 30, 66, 40], [0, 0, 20, 20], [0] * 4, [0] * 4], np.float32)
HAS_FACE = np.array([True, True, True, False, False])


@pytest.fixture(scope="module")
def onnx_engine():
    return OnnxEngine(DEFAULT_MODEL, threads=1)


@pytest.fixture(scope="module")
def engine():
    return OpenVinoEngine(DEFAULT_MODEL, threads=1, precision="f32")


def both_logits(one, other, image, count=5):
    people = BOXES[:count], FACES[:count], HAS_FACE[:count]
    return [each.rois(each.trunk(image), *people) for each in (one, other)]


@pytest.mark.parametrize("size", [(128, 192), (192, 128), (32, 64)])
def test_f32_equals_onnx_runtime(engine, onnx_engine, size):
    image = draw_scene(2, size).image
    ours, theirs = (vars(each.trunk(image)) for each in (engine, onnx_engine))
    for name in ("person_heat", "person_boxes", "face_heat", "face_boxes", "global_logits"):
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-3, rtol=1e-4)
    assert list(ours["tensors"]) == list(theirs["tensors"])
    for count in (1, 5, 2):
        ours, theirs = both_logits(engine, onnx_engine, image, count)
        assert ours.shape == theirs.shape == (count, 20, 80, 40) and ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_f32_gives_the_same_result(engine, onnx_engine):
    image = draw_scene(3, (240, 320)).image
    ours, theirs = (parse_image(each, image) for each in (engine, onnx_engine))
    assert len(theirs) > 0 and (ours.parsing == theirs.parsing).mean() > 0.9999
    np.testing.assert_allclose(
        [p.score for p in ours.people], [p.score for p in theirs.people], atol=1e-4
    )


def test_bf16_is_close_for_it_knows_where_grids_lie(onnx_engine):
    if not has_bf16():
        pytest.skip("needs a processor with bf16")
    engine = OpenVinoEngine(DEFAULT_MODEL, threads=1)
    assert engine.precision == "bf16" and ", BF16, 1 thread" in engine.description
    image, logits = draw_scene(3, (192, 256)).image, []
    for each in (engine, onnx_engine):
        trunk = onnx_engine.trunk(image)
        logits.append(each.rois(trunk, BOXES[:3], FACES[:3], HAS_FACE[:3]))
    # With grids placed in bf16, too, one cell in fifty changes.
    assert (logits[0].argmax(1) == logits[1].argmax(1)).mean() > 0.99


def test_every_graph_is_told_its_precision_and_nothing_is_kept_on_disk(monkeypatch, tmp_path):
    told, core = [], openvino.Core

    class Watched:
        def __init__(self):
            self._core = core()
            self.read_model, self.get_property = self._core.read_model, self._core.get_property

        def compile_model(self, graph, device, settings):
            told.append(settings)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(openvino, "Core", Watched)
    OpenVinoEngine(DEFAULT_MODEL, threads=2, precision="f32")
    assert [settings["INFERENCE_PRECISION_HINT"] for settings in told] == ["f32"] * 3
    assert all(settings["INFERENCE_NUM_THREADS"] == 2 for settings in told)
    assert not any("CACHE" in name for settings in told for name in settings)
    if has_bf16():
        OpenVinoEngine(DEFAULT_MODEL, precision="bf16")
        hints = [settings["INFERENCE_PRECISION_HINT"] for settings in told[3:]]
        assert hints == ["bf16", "f32", "bf16"]  # the matrices stay in f32
    assert list(tmp_path.iterdir()) == []


def test_results_do_not_change_when_threads_or_photos_come_between(engine):
    images = [draw_scene(n, size, seed=n).image for n, size in ((2, (64, 96)), (3, (96, 64)))] * 2

    def logits(image):
        return engine.rois(engine.trunk(image), BOXES, FACES, HAS_FACE)

    alone = [logits(image) for image in images]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(logits, images))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def make_pooling(folder, mode="avg", samples=1, batch=1):
    """Write a graph that is a RoI Align alone."""
    write_model(folder)  # skips where onnx is missing
    extra = {"mode": mode, "sampling_ratio": samples, "spatial_scale": 0.25}
    extra |= {"output_height": 6, "output_width": 5}
    graph = make_graph(
        [("maps", "f", [batch, 3, "h", "w"]), ("boxes", "f", ["K", 4])],
        ["pooled"],
        [
            ("ReduceSum", ["boxes", "one"], ["sum"], {"keepdims": 0}),
            ("Cast", ["sum"], ["whole"], {"to": 7}),
            ("Mul", ["whole", "zero"], ["index"], {}),
            ("RoiAlign", ["maps", "boxes", "index"], ["pooled"], extra),
        ],
        {"one": np.array([1]), "zero": np.array(0)},
    )
    path = folder / "pooling.onnx"
    path.write_bytes(graph)
    return path


def test_roi_align_as_products_equals_the_operator(tmp_path, rng):
    import onnxruntime

    path = make_pooling(tmp_path)
    graph = openvino.Core().read_model(str(path))
    assert pool_by_products(graph) == 1 and pool_by_products(graph) == 0
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for size in ((24, 40), (9, 7)):
        feed = {"maps": rng.normal(size=(1, 3, *size)).astype(np.float32), "boxes": BOXES}
        (wanted,) = session.run(None, feed)
        assert np.abs(wanted).max() > 0.5 and not wanted[4].any()
        np.testing.assert_allclose(compiled(feed)[0], wanted, atol=2e-5)


@pytest.mark.parametrize("changes", [{"mode": "max"}, {"samples": 2}, {"batch": 2}])
def test_other_poolings_stay_as_they_are(tmp_path, changes):
    graph = openvino.Core().read_model(str(make_pooling(tmp_path, **changes)))
    assert pool_by_products(graph) == 0


def test_matrices_that_only_boxes_determine_are_cut_out(onnx_engine):
    rois = onnx_engine.passport.path("rois")
    graph = openvino.Core().read_model(str(rois))
    assert pool_by_products(graph) == 3
    sampling, people = split_sampling(graph, ROI_INPUTS)
    # Rows and columns of three maps, and of the way back from the adjusted boxes.
    names = [f"sampling_{index}" for index in range(8)]
    assert [entry.any_name for entry in sampling.outputs] == names
    assert [entry.any_name for entry in people.inputs][-8:] == names
    left = [node.get_type_name() for node in sampling.get_ordered_ops()]
    assert "Convolution" not in left and "MatMul" not in left


def test_a_graph_without_such_matrices_stays_whole(tmp_path):
    write_model(tmp_path)
    graph = openvino.Core().read_model(str(tmp_path / "toy.rois.onnx"))
    assert split_sampling(graph, ROI_INPUTS) == (None, graph)
    image = np.full((64, 64, 3), 50, np.uint8)
    ours, theirs = (
        parse_image(engine, image)
        for engine in (OpenVinoEngine(tmp_path, precision="f32"), OnnxEngine(tmp_path))
    )
    np.testing.assert_array_equal(ours.parsing, theirs.parsing)


def test_quantising_and_scaling_back_become_one_step(tmp_path, rng):
    import onnxruntime

    write_model(tmp_path)
    constants = {"scale": np.array(0.37, np.float32), "zero": np.array(-20, np.int8)}
    steps = [
        ("QuantizeLinear", ["x", "scale", "zero"], ["whole"], {}),
        ("DequantizeLinear", ["whole", "scale", "zero"], ["y"], {}),
    ]
    path = tmp_path / "steps.onnx"
    path.write_bytes(make_graph([("x", "f", [1, "n"])], ["y"], steps, constants))
    graph = openvino.Core().read_model(str(path))
    assert join_quantising(graph) == 1
    kinds = [node.get_type_name() for node in graph.get_ordered_ops()]
    assert "Convert" not in kinds and kinds.count("FakeQuantize") == 1
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = (rng.normal(size=(1, 999)) * 30).astype(np.float32)
    np.testing.assert_allclose(compiled({"x": x})[0], session.run(None, {"x": x})[0], atol=1e-4)


def test_a_file_that_is_no_graph(tmp_path):
    write_model(tmp_path)
    (tmp_path / "toy.trunk.onnx").write_bytes(b"no graph")
    text = r"graph that OpenVINO .* can load, got '.*', at .*trunk\.onnx\. Update openvino"
    with pytest.raises(ModelError, match=text):
        OpenVinoEngine(write_passport(tmp_path))


def test_a_graph_that_cannot_be_compiled(monkeypatch, tmp_path):
    write_model(tmp_path)

    def fail(*args):
        raise RuntimeError("Check failed:\n  no such layer\n")

    engine = OpenVinoEngine(tmp_path, precision="f32")
    core = type("Core", (), {"compile_model": staticmethod(fail)})
    with pytest.raises(ModelError, match="can load, got 'no such layer', at"):
        engine._compile(core, None, "f32")


def test_graphs_that_do_not_fit_together(tmp_path):
    write_model(tmp_path, outputs=("other",))
    with pytest.raises(ModelError, match=r"peopleparse export, .*rois that want \['shared'\]"):
        OpenVinoEngine(tmp_path)


def test_int8_of_a_network_that_says_so(tmp_path):
    write_model(tmp_path)
    engine = OpenVinoEngine(write_passport(tmp_path, precision="int8"))
    assert engine.precision == "int8" and engine._hint == "f32"
    assert openvino_engine.choose_precision("int8", engine.passport) == "int8"
