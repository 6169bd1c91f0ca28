"""benchmarks/evaluate.py: equal counts, refusals and tables; never a real measurement."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import evaluate, evaluate_files, evaluate_report
from benchmarks.evaluate_baselines import BASELINES, as_maps
from benchmarks.evaluate_scenes import NUM_IDS, make_scene, make_single
from benchmarks.harness import RESULTS, BenchmarkError
from peopleparse.metrics import part_overlap

SMALL = (48, 64)


@pytest.fixture(scope="module")
def result():
    options = evaluate.read_options(["--quick"])
    return evaluate.measure(options)


def test_scenes_are_what_the_page_says():
    scene = make_scene(3, SMALL)
    assert scene.truth.shape == (5, *SMALL) and scene.predictions.shape == (8, *SMALL)
    assert ((scene.truth > 0).sum(0) <= 1).all() and ((scene.predictions > 0).sum(0) > 1).any()
    assert len(set(scene.scores.tolist())) == 8
    assert (as_maps(scene.truth_pair, 5) == scene.truth).all()
    best = int(scene.scores.argmax())
    assert (as_maps(scene.prediction_pair, 8)[best] == scene.predictions[best]).all()
    again = make_scene(3, SMALL)
    assert (again.predictions == scene.predictions).all()
    truth, prediction = make_single(0, SMALL)
    assert truth.shape == prediction.shape == SMALL and (truth != prediction).any()


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("form", evaluate.FORMS)
def test_slow_sides_count_as_we_do(name, form):
    truth, preds = evaluate.FORMS[form](make_scene(1, SMALL))
    overlap = part_overlap(truth, preds, NUM_IDS, count=8)
    shared, either = BASELINES[name](as_maps(truth, 5), as_maps(preds, 8), NUM_IDS)
    assert (overlap.intersections == shared).all() and (overlap.unions == either).all()


def test_a_difference_is_refused(monkeypatch):
    def wrong(truth, preds, num_ids):
        shared, either = BASELINES["loop"](truth, preds, num_ids)
        return shared + 1, either

    monkeypatch.setattr(evaluate, "BASELINES", {"histogram": wrong})
    with pytest.raises(BenchmarkError, match="equal those of the histogram, got a difference of 1"):
        evaluate.measure_forms(1, 1, SMALL, 0)


def test_processes_that_disagree_are_refused(tmp_path, monkeypatch):
    evaluate_files.write_groups(tmp_path, 2, SMALL, 0)
    assert len(evaluate_files.time_processes(tmp_path, 2, 1)) == 1
    monkeypatch.setattr(evaluate_files.ConfusionMatrix, "merge", lambda self, other: None)
    with pytest.raises(BenchmarkError, match="2 processes must give the scores of one"):
        evaluate_files.time_processes(tmp_path, 2, 1)


def test_lost_images_are_refused(tmp_path, monkeypatch):
    evaluate_files.write_singles(tmp_path, 2, (50, 40), 0)
    side = evaluate_files.build({"folder": str(tmp_path), "images": 3})
    answer = side.score()
    assert side.versions() == {} and 0 < answer["decode"] and 0 < answer["score"]
    monkeypatch.setattr(evaluate_files.ConfusionMatrix, "add", lambda self, tally: None)
    with pytest.raises(BenchmarkError, match="pixels counted must be all, got 0"):
        side.score()


def test_a_quick_run_has_every_figure(result):
    assert result["quick"] and set(result["forms"]) == set(evaluate.FORMS)
    assert all(form["difference"] == 0 and form["images"] == 2 for form in result["forms"].values())
    stacks, pairs = (result["forms"][name]["bytes"] for name in ("stacks", "pairs"))
    assert stacks == 13 * 60 * 80 and pairs == 2 * 3 * 60 * 80
    assert set(result["label_maps"]["runs"]) == {"2", "4"}
    assert 0 < result["groups"]["decode_share"] < 1 and result["bandwidth_bytes"] > 0
    json.dumps(result, allow_nan=False)


def test_tables_say_what_was_not_met(result):
    assert evaluate_report.headline(result).startswith("SMOKE TEST")
    changed = json.loads(json.dumps(result))
    ratio = {"median": 250.0, "low": 240.0, "high": 260.4}
    changed["forms"]["pairs"]["counts"] = {"loop": ratio, "histogram": ratio | {"median": 39.94}}
    changed["label_maps"]["ratio"] = 1.51
    table = evaluate_report.evaluate_table(changed)
    assert (
        "| pairs: pixels of all pairs | 250 (240 to 260) | 39.9 (240.0 to 260.4), NOT met" in table
    )
    assert "| 4 label maps of 40 x 50, decoding alone = 1 | 1.51, NOT met |" in table


def test_the_page_agrees_with_the_result():
    page = evaluate.PAGE.read_text(encoding="utf-8")
    assert evaluate_report.fill_page(page, RESULTS) == page


def test_a_page_without_markers_and_a_smoke_test_are_refused(tmp_path, result):
    with pytest.raises(BenchmarkError, match="must hold '<!-- evaluate:begin -->' and then"):
        evaluate_report.fill_page("no markers", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(f"a\n{evaluate_report.BEGIN}\n{evaluate_report.END}\nb\n")
    evaluate_report.write_docs(page, tmp_path)
    assert "No result yet" in page.read_text()
    (tmp_path / "evaluate.json").write_text(json.dumps(result))
    with pytest.raises(BenchmarkError, match="must be of a whole run, got one of --quick"):
        evaluate_report.write_docs(page, tmp_path)
    (tmp_path / "evaluate.json").write_text(json.dumps(result | {"quick": False}))
    evaluate_report.write_docs(page, tmp_path)
    assert "| gain of a second process |" in page.read_text()
    assert page.read_text().startswith("a\n") and page.read_text().endswith("\nb\n")


def test_the_command_ends_with_one_line(monkeypatch, capsys):
    def fail(options):
        raise BenchmarkError("nothing works")

    monkeypatch.setattr(evaluate, "measure", fail)
    assert evaluate.main(["--quick"]) == 1
    assert capsys.readouterr().err == "Error: nothing works\n"


def test_a_run_is_written_and_printed(monkeypatch, capsys, tmp_path, result):
    monkeypatch.setattr(evaluate, "measure", lambda options: result)
    out = tmp_path / "evaluate.json"
    assert evaluate.main(["--quick", "--out", str(out)]) == 0
    assert json.loads(out.read_text()) == result
    assert "SMOKE TEST" in capsys.readouterr().out
    assert np.isfinite(evaluate.measure_bandwidth(1))
