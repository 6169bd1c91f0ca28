"""Exported networks: passports, hashes, names, and both engines behind the same two calls."""

from __future__ import annotations

import json

import numpy as np
import pytest

from peopleparse.errors import InputError, ModelError
from peopleparse.inference import OnnxEngine, Parser, passport
from peopleparse.inference.passport import file_sha256, find_passport, read_passport
from tests.fakes import draw_people

CHANNELS, GRID = 20, 4
ONE_PERSON = [(10, 10, 60, 150)]


def make_graph(inputs, outputs, nodes, constants):
    onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'peopleparse[train]'")
    kinds = {"u": onnx.TensorProto.UINT8, "f": onnx.TensorProto.FLOAT, "b": onnx.TensorProto.BOOL}
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(kind, i, o, **extra) for kind, i, o, extra in nodes],
        "g",
        [info(name, kinds[kind], shape) for name, kind, shape in inputs],
        [info(name, kinds["f"], None) for name in outputs],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def write_model(folder, name="toy", outputs=("shared",), rois_want="shared"):
    """Write two graphs: one person at a fixed place, whose part is the mean of the photo's red."""
    heat = np.zeros((1, 1, 4, 4), np.float32)
    heat[0, 0, 1, 1] = 0.9
    boxes = np.zeros((1, 4, 4, 4), np.float32)
    boxes[0, :, 1, 1] = (8, 8, 40, 56)
    logits = np.zeros((1, CHANNELS, 4, 4), np.float32)
    part = np.zeros((1, CHANNELS, GRID, GRID), np.float32)
    part[0, 4] = 3.0
    values = {"person_heat": heat, "person_boxes": boxes, "face_heat": heat * 0}
    values |= {"face_boxes": boxes, "global_logits": logits}
    nodes = [("Identity", [f"c_{n}"], [n], {}) for n in values]
    nodes += [("Cast", ["image"], ["float"], {"to": 1})]
    nodes += [("ReduceMean", ["float"], [n], {"keepdims": 0}) for n in outputs]
    trunk = make_graph(
        [("image", "u", [1, "H", "W", 3])],
        [*values, *outputs],
        nodes,
        {f"c_{n}": v for n, v in values.items()},
    )
    rois = make_graph(
        [
            ("boxes", "f", ["K", 4]),
            ("faces", "f", ["K", 4]),
            ("has_face", "b", ["K"]),
            (rois_want, "f", []),
        ],
        ["logits"],
        [
            ("ReduceSum", ["boxes", "one"], ["sum"], {"keepdims": 1}),
            ("ReduceSum", ["faces", "one"], ["face"], {"keepdims": 1}),
            ("Cast", ["has_face"], ["has"], {"to": 1}),
            ("Unsqueeze", ["has", "one"], ["has_column"], {}),
            ("Add", ["sum", "face"], ["both"], {}),
            ("Add", ["both", "has_column"], ["all"], {}),
            ("Add", ["all", rois_want], ["more"], {}),
            ("Mul", ["more", "zero"], ["none"], {}),
            ("Reshape", ["none", "shape"], ["column"], {}),
            ("Add", ["column", "part"], ["logits"], {}),
        ],
        {
            "one": np.array([1]),
            "zero": np.array(0, np.float32),
            "shape": np.array([-1, 1, 1, 1]),
            "part": part,
        },
    )
    (folder / f"{name}.trunk.onnx").write_bytes(trunk)
    (folder / f"{name}.rois.onnx").write_bytes(rois)
    return write_passport(folder, name)


def write_passport(folder, name="toy", **changes):
    hashes = {p.name: file_sha256(p) for p in sorted(folder.glob(f"{name}.*.onnx"))}
    fields = {"scheme": "gps", "stride": 16, "sha256": hashes, "licence": "Apache-2.0"} | changes
    path = folder / f"{name}.json"
    path.write_text(json.dumps({k: v for k, v in fields.items() if v is not None}))
    return path


def test_runs_an_exported_network(tmp_path):
    path = write_model(tmp_path)
    for model in (tmp_path, path, str(path)):
        engine = OnnxEngine(model, threads=1)
        assert (engine.name, engine.scheme, engine.stride) == ("toy", "gps", 16)
        assert engine.passport.fields["licence"] == "Apache-2.0"
    image = np.full((64, 64, 3), 50, np.uint8)
    trunk = engine.trunk(image)
    assert trunk.person_heat.shape == (4, 4) and trunk.person_boxes.shape == (4, 4, 4)
    assert trunk.global_logits.shape == (CHANNELS, 4, 4) and list(trunk.tensors) == ["shared"]
    assert float(trunk.tensors["shared"]) == 50
    for count in (1, 3):
        boxes = np.ones((count, 4), np.float32)
        logits = engine.rois(trunk, boxes, boxes, np.ones(count, bool))
        assert logits.shape == (count, CHANNELS, GRID, GRID) and logits.dtype == np.float32
    result = Parser(model=path, threads=1)(image)
    assert len(result) == 1 and list(result.people[0].parts) == ["upper clothes"]


def test_details_come_from_the_passport(tmp_path):
    write_model(tmp_path)
    assert OnnxEngine(tmp_path).long_sides["normal"] == 512
    write_passport(tmp_path, detail={"normal": 320, "tiny": 64})
    assert dict(OnnxEngine(tmp_path).long_sides) == {"normal": 320, "tiny": 64}


def test_a_changed_weight_file_is_refused(tmp_path):
    path = write_model(tmp_path)
    weights = tmp_path / "toy.rois.onnx"
    expected = json.loads(path.read_text())["sha256"][weights.name]
    weights.write_bytes(weights.read_bytes() + b"\0")
    found = file_sha256(weights)
    message = f"must have sha256 {expected}, got {found}, at .*toy.rois.onnx.*reinstall"
    with pytest.raises(ModelError, match=message):
        OnnxEngine(path)
    weights.unlink()
    with pytest.raises(ModelError, match=r"weight file must exist, got no .*toy\.rois\.onnx"):
        OnnxEngine(path)


def test_a_file_that_is_no_graph(tmp_path):
    write_model(tmp_path)
    (tmp_path / "toy.trunk.onnx").write_bytes(b"no graph")
    with pytest.raises(
        ModelError, match="graph that ONNX Runtime .* can load, got '.*', at .*trunk"
    ):
        OnnxEngine(write_passport(tmp_path))


def test_graphs_that_do_not_fit_together(tmp_path):
    write_model(tmp_path, outputs=("other",))
    with pytest.raises(ModelError, match=r"peopleparse export, .*rois that want \['shared'\]"):
        OnnxEngine(tmp_path)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"scheme": "gsp"}, "SchemeError"),
        ({"stride": None}, "KeyError 'stride'"),
        ({"sha256": {}}, "KeyError 'toy.trunk.onnx'"),
        ({"sha256": 7}, "TypeError"),
        ({"detail": [1]}, "AttributeError"),
    ],
)
def test_broken_passports(tmp_path, changes, reason):
    for part in ("trunk", "rois"):
        (tmp_path / f"toy.{part}.onnx").touch()
    with pytest.raises(ModelError, match=f"passport must be a JSON object.*got {reason}.*toy.json"):
        read_passport(write_passport(tmp_path, **changes))
    (tmp_path / "toy.json").write_text("{")
    with pytest.raises(ModelError, match="passport must be a JSON object.*got JSONDecodeError"):
        read_passport(tmp_path / "toy.json")


def test_names_folders_and_files(tmp_path, monkeypatch):
    monkeypatch.setattr(passport, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(ModelError, match="shipped name, a folder or a passport file, got 'small'"):
        find_passport("small")
    for name in ("small", "large"):
        (tmp_path / f"{name}.json").touch()
        (tmp_path / f"{name}.trunk.onnx").touch()
    assert find_passport("small") == tmp_path / "small.json"
    with pytest.raises(ModelError, match="got 'smal'. Did you mean 'small'. Choices: large, small"):
        find_passport("smal")
    with pytest.raises(ModelError, match="got '../small'"):
        find_passport("../small")
    with pytest.raises(ModelError, match=r"must hold one NAME.json .*got 2, at"):
        find_passport(tmp_path)


def test_short_names(tmp_path, monkeypatch):
    shipped = find_passport("base")
    assert shipped == passport.WEIGHTS_FOLDER / f"{passport.SHORT_NAMES['base']}.json"
    (tmp_path / "base").mkdir()
    write_model(tmp_path / "base")
    monkeypatch.chdir(tmp_path)
    assert find_passport("base").parent.name == "base", "one's own folder goes before"


def test_threads_are_checked():
    with pytest.raises(InputError, match="threads must be at least 1, got 0"):
        OnnxEngine(threads=0)


def test_the_torch_engine_runs_a_module():
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'peopleparse[train]'")
    from peopleparse.inference import TorchEngine

    class Toy(torch.nn.Module):
        def trunk(self, image):
            assert image.dtype == torch.uint8 and image.shape[3] == 3 and not self.training
            heat = torch.zeros(1, 1, 4, 4)
            heat[0, 0, 1, 1] = 0.9
            boxes = torch.tensor([8.0, 8, 40, 56]).view(1, 4, 1, 1).expand(1, 4, 4, 4)
            return {
                "person_heat": heat,
                "person_boxes": boxes,
                "face_heat": heat * 0,
                "face_boxes": boxes,
                "global_logits": torch.zeros(1, CHANNELS, 4, 4),
            }

        def rois(self, tensors, boxes, faces, has_face):
            assert tensors["person_heat"].ndim == 4 and has_face.dtype == torch.bool
            part = torch.zeros(len(boxes), CHANNELS, GRID, GRID)
            part[:, 4] = 3.0
            return part

    engine = TorchEngine(Toy(), name="toy")
    result = Parser(engine=engine)(np.full((64, 64, 3), 50, np.uint8))
    assert engine.name == "toy" and list(result.people[0].parts) == ["upper clothes"]


def test_the_shipped_network_finds_nobody_on_a_wall_and_survives_a_pixel():
    if not passport.model_names():
        pytest.skip("needs the shipped weights in src/peopleparse/weights")
    parser = Parser(threads=1)
    assert len(parser(np.full((1, 1, 3), 128, np.uint8))) == 0
    assert len(parser(np.full((300, 400, 3), 128, np.uint8))) == 0
    # A drawing is no photo: only that nothing breaks is asked of it.
    parser(draw_people((200, 160), ONE_PERSON))
