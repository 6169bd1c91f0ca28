"""benchmarks/photo.py: turns, counts, refusals and tables; never a real measurement."""

from __future__ import annotations

import doctest
import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from benchmarks import (
    harness,
    photo,
    photo_peopleparse,
    photo_report,
    photo_scene,
    photo_spinning,
    report,
)
from benchmarks.harness import REPO, BenchmarkError, Child, serve
from peopleparse import Parser
from peopleparse.errors import InputError, ModelError
from tests.fakes import FakeEngine, draw_people

BOXES = [[20.0 + 120 * n, 100.0, 90.0 + 120 * n, 400.0] for n in range(5)]


def encode(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def make_side(shown=5, boxes=BOXES, engine=None):
    image = draw_people((480, 640), [tuple(map(int, box)) for box in BOXES[:shown]])
    return photo_peopleparse.Side(Parser(engine=engine or FakeEngine()), encode(image), boxes)


def make_photo_answer(seconds, people=5, **more):
    kinds = {"decoding": 0.1, "network": 0.7, "post-processing": 0.2}
    kinds = {kind: share * seconds for kind, share in kinds.items()}
    answer = {"seconds": seconds, "cpu_seconds": 2 * seconds, "kinds": kinds, "steps": kinds}
    return answer | {"persons_parsed": people} | more


def make_result(ours=(0.1, 0.1, 0.1), theirs=(3.0, 4.0, 5.0), people=5, **changes):
    counts = {"proposals": 1000, "passing": 100}
    turns = {
        "peopleparse": [(make_photo_answer(2 * t), make_photo_answer(t, people)) for t in ours],
        "torch": [(make_photo_answer(t), make_photo_answer(t, **counts)) for t in theirs],
    }
    mine = {"model": "m", "detail": "normal", "sha256": {"m.trunk.onnx": "ab" * 32}}
    mine |= {"versions": {"onnxruntime": "1"}, "persons_found": 4, "true_boxes_planted": True}
    ends = {
        "peopleparse": {"peak_bytes": 200_000_000, "torch_imported": False} | mine,
        "torch": {"peak_bytes": 3_000_000_000, "versions": {"torch": "2"}},
    }
    about = {"width": 640, "height": 480, "persons": 5, "kind": "drawn scene"}
    machine = {"cpu": "Chip", "cores": 2, "system": "Linux", "python": "3", "load_before": 0.0}
    fields = {"quick": False, "seed": 0, "repetitions": len(ours), "photo": about}
    fields |= {"machine": machine | {"quiet": True}, "written": "2025-01-01T00:00:00+00:00"}
    return fields | photo.summarize(turns, ends) | changes


def make_spinning():
    ratio = {"median": 2.0, "low": 1.5, "high": 12.0}
    spinning = dict.fromkeys(("seconds", "seconds_after_rest", "processor_time"), ratio)
    machine = make_result()["machine"]
    return {
        "quick": False,
        "written": "2025-01-01T00:00:00+00:00",
        "machine": machine,
        "spinning": spinning | {"model": "m", "sha256": {}},
    }


def test_our_side_counts_the_people_it_parses():
    side = make_side()
    assert (side.found, side.planted) == (5, False)
    answer = side.photo()
    assert answer["persons_parsed"] == 5
    assert set(answer["steps"]) == {"decode", "resize", "trunk", "detect", "rois", "paste"}
    assert sum(answer["kinds"].values()) == pytest.approx(sum(answer["steps"].values()))
    assert 0 < sum(answer["kinds"].values()) <= answer["seconds"]
    assert side.versions()["model"] == "fake" and side.versions()["sha256"] == {}
    assert side.used()["cpu_seconds"] > 0


def test_people_that_the_model_misses_are_planted_where_they_are():
    side = make_side(shown=3)
    assert (side.found, side.planted) == (3, True)
    assert side.photo()["persons_parsed"] == 5
    seen = []

    class Recorder(FakeEngine):
        def rois(self, trunk, boxes, faces, has_face):
            seen.append(boxes)
            return super().rois(trunk, boxes, faces, has_face)

    make_side(shown=0, engine=Recorder())
    grown = seen[-1] * (640 / 512)  # the network sees a long side of 512
    middles = (grown[:, :2] + grown[:, 2:]) / 2
    expected = (np.array(BOXES)[:, :2] + np.array(BOXES)[:, 2:]) / 2
    assert np.allclose(sorted(middles.tolist()), expected, atol=0.01)


def test_people_that_cannot_be_told_apart_are_refused():
    with pytest.raises(InputError, match=r"people parsed must be 5, got 1.*--seed"):
        make_side(shown=0, boxes=[BOXES[0]] * 5)


def test_the_drawn_photo_holds_five_people_apart_from_each_other():
    made = photo_scene.make_photo(None, seed=0)
    assert Image.open(io.BytesIO(made.jpeg)).size == (640, 480)
    assert made.kind == "drawn scene" and len(made.boxes) == 5
    assert not photo_scene.overlaps(made.boxes)
    assert made == photo_scene.make_photo(None, seed=0)


def test_the_composed_photo_holds_five_people(data_root):
    made = photo_scene.make_photo(data_root, seed=0)
    assert Image.open(io.BytesIO(made.jpeg)).size == (640, 480)
    assert made.kind == "composed val scene" and len(made.boxes) == len(made.photo_ids) == 5


@pytest.mark.parametrize("count", [1, 20, 100])
def test_any_number_of_people_stands_in_scenes_side_by_side(count):
    made = photo_scene.make_photo(None, seed=0, size=(960, 1280), persons=count)
    about = photo_scene.describe_photo(made)
    assert (about["width"], about["height"], about["persons"]) == (1280, 960, count)
    assert not photo_scene.overlaps(made.boxes)
    boxes = np.array(made.boxes)
    assert (boxes >= 0).all() and (boxes <= [1280, 960, 1280, 960]).all()


def test_an_enlarged_photo_keeps_its_people_and_has_noise():
    small = photo_scene.make_photo(None, seed=0)
    large = photo_scene.enlarge_photo(small, (960, 1280))
    assert Image.open(io.BytesIO(large.jpeg)).size == (1280, 960)
    assert np.allclose(np.array(large.boxes), np.array(small.boxes) * 2)
    assert len(large.jpeg) > 4 * len(small.jpeg)
    assert large == photo_scene.enlarge_photo(small, (960, 1280))


def test_a_hundred_planted_people_are_all_parsed():
    made = photo_scene.make_photo(None, seed=0, persons=100)
    side = photo_peopleparse.Side(Parser(engine=FakeEngine()), made.jpeg, made.boxes)
    assert side.planted and side.photo()["persons_parsed"] == 100


def test_a_seed_without_five_people_is_refused(data_root, monkeypatch):
    monkeypatch.setattr(photo_scene, "_MOST_TRIES", 0)
    with pytest.raises(BenchmarkError, match="one of 0 scenes must have 5 people .*--seed"):
        photo_scene.make_photo(data_root, seed=0)


def test_sides_take_turns_after_warming_up():
    asked = []

    class Stub:
        def __init__(self, name):
            self.name = name

        def ask(self, what):
            asked.append(self.name)
            return {"number": len(asked)}

    turns = photo.take_turns({"a": Stub("a"), "b": Stub("b")}, repetitions=2, warm_up=1)
    assert "".join(asked) == "ab" + "aabb" * 2
    assert [second["number"] for _, second in turns["a"]] == [4, 8]
    asked.clear()
    turns = photo.take_turns({"a": Stub("a"), "b": Stub("b")}, {"a": 1, "b": 3}, warm_up=0)
    assert "".join(asked) == "aabb" + "bb" * 2 and len(turns["a"]) == 1


def test_ratios_are_of_medians_and_pairs():
    result = make_result()
    assert result["ratio"] == pytest.approx({"median": 40, "low": 30, "high": 50})
    assert result["ratio_of_uncounted"]["median"] == pytest.approx(20)
    assert result["memory_ratio"] == 15
    ours = result["sides"]["peopleparse"]
    assert ours["kind_shares"]["network"] == pytest.approx(0.7)
    assert ours["seconds"]["all"] == [0.1, 0.1, 0.1]


def test_a_comparison_that_is_none_is_refused():
    photo.check_result(make_result())
    with pytest.raises(BenchmarkError, match="parsed by peopleparse must be 5, got 4"):
        photo.check_result(make_result(people=4))
    result = make_result()
    result["sides"]["peopleparse"]["torch_imported"] = True
    with pytest.raises(BenchmarkError, match="must work without torch, got a process that"):
        photo.check_result(result)
    result = make_result()
    result["sides"]["torch"]["proposals"] = 800
    with pytest.raises(BenchmarkError, match="must be 1000 as with trained weights, got 800"):
        photo.check_result(result)
    photo.check_result({**result, "quick": True})


def test_text_holds_ratios_and_no_bare_time():
    result = make_result()
    text = photo_report.headline(result) + photo_report.photo_table(result)
    assert "40.0 times as fast" in text and "(30.0 to 50.0 in 3 pairs of turns)" in text
    assert "200 MB against 3,000 MB" in text and "finds 4 of its 5 people" in text
    assert "5 true boxes were put in its heat map" in text and "70.0%" in text
    assert "30 times as fast (met), at most 1,000 MB (met)" in text
    assert not re.search(r"\d ?(s|ms|seconds|milliseconds)\b", text)
    slow = photo_report.photo_table(make_result(theirs=(1.0, 1.0, 1.0)))
    assert "30 times as fast (NOT met)" in slow
    assert "SMOKE TEST" in photo_report.headline(make_result(quick=True))
    result["machine"]["quiet"] = False
    assert "run it again" in photo_report.photo_table(result)


def test_what_spinning_costs_stands_in_a_table_of_its_own():
    text = photo_report.spinning_table(make_spinning())
    assert text.count("| 2.00 (1.50 to 12.00) |") == 3 and "Network `m`: no passport." in text


def test_a_side_answers_line_by_line(tmp_path, monkeypatch):
    (tmp_path / "stub_side.py").write_text(
        "import sys\n"
        "class Side:\n"
        "    def versions(self):\n"
        "        print('noise')\n"
        "        return {'versions': {}}\n"
        "    def threads(self):\n"
        "        import os\n"
        "        return {'threads': os.environ.get('OMP_NUM_THREADS')}\n"
        "    def photo(self): return {'seconds': 1.0}\n"
        "    def end(self): raise ValueError('broken')\n"
        "    def leave(self): import os; os._exit(3)\n"
        "def build(settings): return Side()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with Child("stub_side", {}) as child:
        assert child.versions == {"versions": {}}
        assert child.ask("photo") == {"seconds": 1.0}
        assert child.ask("threads") == {"threads": None}
        with pytest.raises(BenchmarkError, match="ValueError: broken"):
            child.ask("end")
        with pytest.raises(BenchmarkError, match="stub_side must answer 'leave', got the end .* 3"):
            child.ask("leave")
    with pytest.raises(BenchmarkError, match="No module named 'absent_side'"):
        Child("absent_side", {})


def test_errors_of_a_side_come_back_as_answers():
    answers = io.StringIO()
    request = {"do": "build", "settings": {"photo": "none", "model": "absent", "boxes": []}}
    serve("benchmarks.photo_peopleparse", io.StringIO(json.dumps(request) + "\n"), answers)
    assert "ModelError: model must be a shipped name" in json.loads(answers.getvalue())["error"]


def test_the_command_prints_one_line_for_an_error(capsys):
    assert photo.main(["--model", "absent", "--quick"]) == 1
    printed = capsys.readouterr().err
    assert "Error: ModelError: model must be" in printed and "Traceback" not in printed
    with pytest.raises(SystemExit):
        photo.main(["--repetitions", "0"])
    assert "--repetitions must be at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("module", [harness, photo_scene, report], ids=lambda m: m.__name__)
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


def test_memory_and_machine():
    peak = harness.peak_memory()
    assert peak is None or 10_000_000 < peak < 100_000_000_000
    machine = harness.describe_machine()
    assert machine["cpu"] and 1 <= machine["cores"] <= (os.cpu_count() or 1)


def test_spinning_reaches_every_session(monkeypatch):
    import onnxruntime

    kind = onnxruntime.SessionOptions
    monkeypatch.setattr(onnxruntime, "SessionOptions", kind)
    photo_peopleparse._set_spinning(False)
    options = onnxruntime.SessionOptions()
    assert isinstance(options, kind)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_spinning_is_measured_in_turns(monkeypatch):
    class Stub:
        versions = {"model": "m", "sha256": {}, "versions": {}}

        def __init__(self, module, settings):
            self.cost, self.cpu = 1.0 + settings["spinning"], 0.0

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def ask(self, what):
            self.cpu += self.cost if what == "photo" else 0
            return {"seconds": self.cost, "cpu_seconds": self.cpu}

    monkeypatch.setattr(photo_spinning, "Child", Stub)
    monkeypatch.setattr(photo_spinning, "REST_SECONDS", 0)
    found = photo_spinning.measure_spinning({}, repetitions=2)
    for key in ("seconds", "seconds_after_rest", "processor_time"):
        assert found[key]["median"] == 2


def make_tiny_torch_side(boxes):
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'peopleparse[train]'")
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.ops import MultiScaleRoIAlign

    from benchmarks import photo_torch

    torch.manual_seed(0)
    backbone = torch.nn.Conv2d(3, 8, 3, 16, 1)
    backbone.out_channels = 8
    detector = MaskRCNN(
        backbone, 91, min_size=120, max_size=160,
        rpn_anchor_generator=AnchorGenerator(((32, 64),), ((1.0,),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], 7, 2),
        mask_roi_pool=MultiScaleRoIAlign(["0"], 14, 2),
    ).eval()  # fmt: skip

    class Parser(torch.nn.Module):
        def forward(self, crops):
            assert crops.shape[1:] == (3, 33, 33)
            return {"out": torch.eye(20)[3].view(1, 20, 1, 1).expand(len(crops), -1, 33, 33)}

    image = draw_people((480, 640), [tuple(map(int, box)) for box in BOXES])
    return photo_torch.Side(detector, Parser(), encode(image), boxes, 33)


def test_the_other_side_parses_exactly_the_true_people():
    side = make_tiny_torch_side(BOXES)
    answer = side.photo()
    assert answer["persons_parsed"] == 5
    assert 0 < answer["passing"] <= 100 and answer["passing"] <= answer["proposals"]
    assert set(answer["steps"]) == {"decode", "detect", "crop", "parse", "paste"}
    assert sum(answer["kinds"].values()) <= answer["seconds"]
    assert side.parsing.shape == side.instances.shape == (480, 640)
    import torch

    found = side._detector([torch.zeros(3, 480, 640)])[0]
    assert np.allclose(found["boxes"].detach().numpy(), BOXES, atol=0.01)
    assert found["masks"].shape == (5, 1, 480, 640)


def test_parts_are_pasted_within_masks_and_the_best_lies_on_top():
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'peopleparse[train]'")
    from benchmarks.photo_torch import paste

    labels = torch.tensor([4, 6], dtype=torch.uint8).view(2, 1, 1).expand(2, 3, 3)
    boxes = torch.tensor([[0.0, 0, 4, 4], [2, 0, 6, 4]])
    masks = torch.zeros(2, 1, 6, 8)
    masks[:, :, :3] = 1
    parsing, instances = paste(labels, boxes, masks)
    assert parsing[:3].tolist() == [[4, 4, 4, 4, 6, 6, 0, 0]] * 3 and not parsing[3:].any()
    assert instances[0].tolist() == [1, 1, 1, 1, 2, 2, 0, 0]


def test_our_side_does_not_import_torch():
    code = "import sys, benchmarks.photo_peopleparse; print('torch' in sys.modules)"
    paths = os.pathsep.join([str(REPO), str(REPO / "src")])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert done.stdout.strip() == "False"


def test_an_unknown_model_is_refused_before_anything_runs(tmp_path):
    settings = {"photo": str(tmp_path / "none.jpg"), "model": "absent", "boxes": BOXES}
    with pytest.raises(ModelError, match="model must be a shipped name"):
        photo_peopleparse.build(settings)
