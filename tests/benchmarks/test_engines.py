"""benchmarks/engines.py: sides, targets and tables; never a real measurement."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack

import pytest

from benchmarks import engines, engines_mediapipe, engines_report, photo_peopleparse
from benchmarks.engines_report import ASSEMBLED, DEFAULT, PEER
from benchmarks.harness import REPO, BenchmarkError
from benchmarks.photo import summarize_side
from benchmarks.photo_scene import make_photo

MACHINE = {"cpu": "Chip", "cores": 2, "system": "Linux", "python": "3", "load_before": 0.0}


def make_answers(seconds, persons=5, network=0.8, **more):
    kinds = {"decoding": 0.05, "network": network, "post-processing": 0.95 - network}
    answer = {"seconds": seconds, "cpu_seconds": seconds, "steps": {}}
    answer["kinds"] = {kind: share * seconds for kind, share in kinds.items()}
    answer |= {} if persons is None else {"persons_parsed": persons}
    return [(answer, answer | more)] * 3


def make_row(persons, best=0.02, network=0.8):
    turns = {
        DEFAULT: make_answers(0.04, persons),
        "OpenVINO bf16": make_answers(best, persons, network),
        PEER: make_answers(0.005, None),
        ASSEMBLED: make_answers(4.0, persons)[:2],
    }
    found = {
        name: summarize_side(turn) | {"peak_bytes": 2e8, "versions": {"numpy": "2"}}
        for name, turn in turns.items()
    }
    about = {"model": "m", "sha256": {"m.trunk.onnx": "ab" * 32}, "persons_found": persons - 1}
    about |= {"true_boxes_planted": True, "torch_imported": False}
    for name in (DEFAULT, "OpenVINO bf16"):
        found[name] |= about | {"engine": f"{name}, 2 threads"}
    for name, side in found.items():
        side["against_default"] = engines._compare(found, name, DEFAULT)
        side["against_assembled"] = engines._compare(found, ASSEMBLED, name)
    photo = {"width": 640, "height": 480, "kind": "drawn scene"}
    absent = {"torch f32": "torch must be installed."}
    return {"photo": photo, "absent": absent, "sides": found}


def make_result(quick=False, **changes):
    result = {"quick": quick, "seed": 0, "written": "2025-01-01T00:00:00+00:00"}
    result["machine"] = MACHINE | {"quiet": True}
    result["persons"] = {str(n): make_row(n, **changes) for n in (1, 5, 20)}
    return result | {"targets": engines_report.judge(result)}


def test_the_best_engine_is_one_of_ours_and_judged():
    targets = make_result()["targets"]
    assert targets["best"] == "OpenVINO bf16"
    assert [targets[key]["value"] for key in ("seconds", "ratio")] == [0.02, 200]
    assert all(targets[key]["met"] for key in ("seconds", "ratio", "network"))
    targets = make_result(best=0.06, network=0.5)["targets"]
    assert targets["best"] == DEFAULT and targets["ratio"]["met"]
    targets = make_result(best=0.039, network=0.5)["targets"]
    assert not targets["network"]["met"]


def test_tables_hold_ratios_and_one_line_of_targets():
    result = make_result()
    text = engines_report.engines_table(result)
    assert f"| time, {DEFAULT} = 1 | 1 person | 5 people | 20 people |" in text
    half = "0.50 (0.50 to 0.50)"
    assert f"| OpenVINO bf16 | {half} | {half} | {half} |" in text
    assert "| OpenVINO bf16 | 200.0 (200.0 to 200.0) | 200 MB | 5.0% | 80.0% | 15.0% |" in text
    assert f"| {PEER} (one mask of all people, no persons, no parts) | 0.12 (0.12 to" in text
    line = next(line for line in text.splitlines() if "Asked for" in line)
    assert "which is OpenVINO bf16: at most 50 ms on two cores (met: 20.0 ms on these 2)" in line
    assert "at least 100 times as fast" in line and "at least 70% (met: 80.0%)" in line
    rest = text.replace(line, "")
    assert not re.search(r"\d ?(s|ms|seconds|milliseconds)\b", rest)
    assert "* Left out here: torch f32: torch must be installed." in rest
    assert "5 true boxes were put in its heat map" in rest
    assert "(NOT met: 50.0%)" in engines_report.engines_table(make_result(network=0.5))


def test_the_printed_text_holds_milliseconds_of_every_side():
    text = engines_report.headline(make_result(quick=True))
    assert text.startswith("SMOKE TEST") and "OpenVINO bf16 is 200.0 times as fast" in text
    assert "  5 people, OpenVINO bf16: 20.0 ms (20.0 to 20.0)" in text


def test_a_comparison_that_is_none_is_refused():
    engines.check_persons(make_result())
    result = make_result()
    result["persons"]["20"]["sides"][DEFAULT]["persons_parsed"] = 19
    with pytest.raises(BenchmarkError, match=f"by {DEFAULT} must be 20, got 19. Choose another"):
        engines.check_persons(result)
    result = make_result()
    result["persons"]["5"]["sides"][DEFAULT]["torch_imported"] = True
    with pytest.raises(BenchmarkError, match=f"{DEFAULT} must work without torch, got a process"):
        engines.check_persons(result)


def test_sides_follow_the_options(tmp_path):
    options = engines.read_options(["--model", "mine"])
    sides = engines.list_sides(options)
    assert list(sides) == [*engines.ENGINES, ASSEMBLED]
    assert sides["OpenVINO bf16"][1] == {"model": "mine", "engine": "openvino", "precision": "bf16"}
    more = ["--int8", str(tmp_path), "--peer", "other/python", "--quick"]
    sides = engines.list_sides(engines.read_options(more))
    assert sides["OpenVINO int8"][1]["model"] == str(tmp_path)
    assert sides[PEER][2] == "other/python" and sides[ASSEMBLED][1]["min_size"] == 96
    assert list(sides)[-1] == ASSEMBLED


def test_a_side_that_cannot_be_built_is_left_out_unless_it_must_be_there(tmp_path, monkeypatch):
    (tmp_path / "stub_engine.py").write_text(
        "class Side:\n"
        "    def versions(self): return {'versions': {}}\n"
        "def build(settings):\n"
        "    if settings['fail']: raise ValueError('library must be installed,\\n got none.')\n"
        "    return Side()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    wanted = {
        DEFAULT: ("stub_engine", {"fail": False}, sys.executable),
        "other": ("stub_engine", {"fail": True}, sys.executable),
    }
    with ExitStack() as stack:
        sides, absent = engines.open_sides(stack, wanted, {})
        assert list(sides) == [DEFAULT]
        assert absent == {"other": "library must be installed, got none."}
    wanted[DEFAULT] = ("stub_engine", {"fail": True}, sys.executable)
    with ExitStack() as stack, pytest.raises(BenchmarkError, match="must be installed"):
        engines.open_sides(stack, wanted, {})


def test_the_peer_goes_from_bytes_to_a_mask():
    import numpy as np

    class Network:
        def process(self, image):
            assert image.shape == (480, 640, 3)
            return type("Found", (), {"segmentation_mask": np.tri(480, 640, dtype=np.float32)})

    side = engines_mediapipe.Side(Network(), make_photo(None, 0).jpeg, {"mediapipe": "0"})
    answer = side.photo()
    assert 0.3 < answer["share"] < 0.4 and "persons_parsed" not in answer
    assert sum(answer["kinds"].values()) == pytest.approx(answer["seconds"])
    assert side.versions() == {"versions": {"mediapipe": "0"}}


def test_our_side_takes_the_torch_engine(tmp_path):
    pytest.importorskip("torch", reason="needs torch: pip install 'peopleparse[train]'")
    pytest.importorskip("onnx", reason="needs onnx: pip install 'peopleparse[train]'")
    made = make_photo(None, 0)
    (tmp_path / "photo.jpg").write_bytes(made.jpeg)
    settings = {"photo": str(tmp_path / "photo.jpg"), "boxes": made.boxes, "engine": "torch"}
    side = photo_peopleparse.build(settings)
    assert side.photo()["persons_parsed"] == 5
    assert "torch" in side.versions()["versions"] and side.versions()["engine"]


def test_the_peer_side_needs_nothing_of_ours():
    code = "import sys, benchmarks.engines_mediapipe; print('peopleparse' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(REPO)},
    )  # fmt: skip
    assert done.stdout.strip() == "False"


def test_the_command_refuses_no_turns(capsys):
    with pytest.raises(SystemExit):
        engines.main(["--repetitions", "0"])
    assert "repetitions must be at least 1" in capsys.readouterr().err
