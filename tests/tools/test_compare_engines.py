"""The tool that says what BF16 and INT8 cost: shares that are kept, and the table of the docs."""

from __future__ import annotations

import importlib.util
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("scipy")

from peopleparse.training.validate import PhotoScores, Scores  # noqa: E402
from tests.conftest import REPO  # noqa: E402
from tests.fakes import FakeEngine, draw_people  # noqa: E402

NAME = "compare_engines"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location(NAME, REPO / "tools" / f"{NAME}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module  # its results are pickled
    spec.loader.exec_module(module)
    yield module
    del sys.modules[NAME]


def make_report(**changes):
    scores = {"val/photo_iou": 0.5, "val/outdoor_strict": 0.3}
    engines = {
        "onnxruntime f32": (1.0, {"val/photo_iou": 0.0, "val/outdoor_strict": 0.0}),
        "openvino bf16": (0.997, {"val/photo_iou": 0.001, "val/outdoor_strict": -0.002}),
        "openvino int8": (0.99, {"val/photo_iou": -0.007, "val/outdoor_strict": 0.01}),
    }
    return {
        "photos": 3,
        "scenes_of_each_preset": 2,
        "seed": 5,
        "subset": False,
        "written": "2026-01-01",
        "machine": {"cpu": "CPU", "python": "3.11"},
        "engines": {
            name: {
                "description": f"Library {name}, 1 thread",
                "weights": {"a.onnx": "0" * 64},
                "same_part": same,
                "scores": scores,
                "difference": difference,
            }
            for name, (same, difference) in engines.items()
        },
    } | changes


def test_the_table(tool):
    lines = list(tool.table_lines(make_report()))
    assert (
        lines[0] == "| engine | pixels with the same part | photo part IoU | outdoor AP, strict |"
    )
    assert lines[2] == "| onnxruntime f32 | 100.00% | 50.00 | 30.00 |"
    assert lines[3] == "| openvino bf16 | 99.70% | +0.10 | -0.20 |"
    text = "\n".join(lines)
    assert "openvino bf16: worst column -0.20 (outdoor AP, strict), within the 0.5 points" in text
    assert "openvino int8: worst column -0.70 (photo part IoU), **more than** the 0.5" in text
    assert "A part of the photos" not in text
    assert next(tool.table_lines(make_report(subset=True))).startswith("**A part of the photos")


def test_the_page_is_filled_between_its_markers(tool):
    page = f"a\n{tool.BEGIN}\nold\n{tool.END}\nb\n"
    assert tool.fill(page, iter(["new \\1"])) == f"a\n{tool.BEGIN}\nnew \\1\n{tool.END}\nb\n"
    with pytest.raises(SystemExit, match="page must hold '<!-- engines_accuracy:begin -->' and"):
        tool.fill("a", iter([]))


def test_the_docs_are_what_the_result_says(tool):
    page = tool.PAGE.read_text(encoding="utf-8")
    if not tool.OUT.is_file():
        pytest.skip(f"{tool.OUT.relative_to(REPO)} was not made yet")
    report = json.loads(tool.OUT.read_text(encoding="utf-8"))
    assert tool.fill(page, tool.table_lines(report)) == page, (
        "run python tools/compare_engines.py write-docs"
    )


def test_engines_are_scored_beside_each_other(tool):
    image = draw_people((96, 96), [(10, 10, 60, 80)])
    nothing = np.zeros((96, 96), np.uint8)
    portraits = [SimpleNamespace(photo_id=i, image=image, parsing=nothing) for i in "abc"]
    found = SimpleNamespace(portraits=portraits, scenes=0, seed=1)
    nobody = type("Nobody", (FakeEngine,), {"trunk": lambda self, i: FakeEngine().trunk(i * 0)})
    engines = {"one": FakeEngine(), "same": FakeEngine(), "nobody": nobody()}
    compared = tool.compare_share(engines, found, slice(1, 3))
    assert [entry.pixels for entry in compared.values()] == [2 * 96 * 96] * 3
    assert compared["one"].same == compared["same"].same == 2 * 96 * 96
    assert 0 < compared["nobody"].same < 2 * 96 * 96
    assert compared["one"].scores.photos.people == 2 and not compared["nobody"].scores.photos.people


def test_finished_shares_are_not_done_again(tool, monkeypatch, tmp_path):
    done = []

    def score(engines, found, share):
        done.append(share.start)
        if share.start == 20 and done.count(20) == 1:
            raise KeyboardInterrupt
        scores = Scores(1, PhotoScores(people=1), {})
        return {"one": tool.Compared(scores, share.start, 10)}

    monkeypatch.setattr(tool, "compare_share", score)
    found = SimpleNamespace(portraits=[0] * 5, scenes=45)
    with pytest.raises(KeyboardInterrupt):
        tool.compare({}, found, tmp_path / "parts")
    total = tool.compare({}, found, tmp_path / "parts")
    assert done == [0, 20, 20, 40]
    assert (total["one"].same, total["one"].pixels) == (60, 30)
    assert total["one"].scores.photos.people == 3
