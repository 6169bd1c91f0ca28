"""`peopleparse validate`: numbers on the terminal, everything in a JSON."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import peopleparse
from peopleparse.cli import main
from peopleparse.cli import validate as validating
from peopleparse.inference import parse_image
from tests.fakes import FakeEngine
from tests.training.conftest import write_training_data

pytest.importorskip("scipy")  # reads Clothing Co-Parsing

from peopleparse.training import validate as scoring  # noqa: E402


def run(*args, code=0):
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def engine(monkeypatch):
    engine = FakeEngine()
    engine.description = "fake"
    engine.passport = SimpleNamespace(sha256={"fake.trunk.onnx": "12ab"})
    monkeypatch.setattr(validating, "build_any_engine", lambda *given, **words: engine)
    monkeypatch.setattr(scoring, "SCENE_SIZE", (128, 96))
    return engine


def test_the_report_says_what_was_scored_and_how(engine, data, tmp_path):
    out = tmp_path / "new" / "scores.json"
    words = ("--detail", "fast", "--threshold", "0.2", "--photos", "2", "--scenes", "1")
    result = run("validate", "--data", data, *words, "--out", out)
    report = json.loads(out.read_text())
    assert report["command"] == (
        "peopleparse validate --model fake --detail fast --threshold 0.2 --scenes 1 --split val "
        "--photos 2"
    )
    assert (report["seed"], report["peopleparse"]) == (2026, peopleparse.__version__)
    assert report["engine"] == "fake"
    assert report["weights"] == {"fake.trunk.onnx": "12ab"}
    assert report["machine"]["python"] and report["seconds"] >= 0
    assert (report["photos"]["photos"], report["indoor"]["scenes"]) == (2, 1)
    hashes = {report[name]["sha256"] for name in ("photos", "outdoor", "indoor")}
    assert len(hashes) == 3 and all(len(value) == 64 for value in hashes)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["val/photo_iou", f"{report['photos']['part_mean_iou']:.4f}"] in rows
    assert ["val/indoor_mask_ap", f"{report['indoor']['mask_ap']:.4f}"] in rows
    assert len(rows) == 16 and list(out.parent.iterdir()) == [out]


def test_several_views_are_scored_and_named(engine, data, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        scoring, "parse_image", lambda *given: seen.append(given[2]) or parse_image(*given)
    )
    out = tmp_path / "scores.json"
    words = ("--detail", "fast", "--photos", "1", "--scenes", "0", "--scales", "0.75,1", "--flip")
    run("validate", "--data", data, *words, "--out", out)
    assert json.loads(out.read_text())["command"].endswith("--photos 1 --scales 0.75,1 --flip")
    assert [(options.scales, options.flip) for options in seen] == [((0.75, 1.0), True)]


def test_without_photos_and_scenes_the_report_is_still_json(engine, data, tmp_path):
    words = ("--photos", "0", "--scenes", "0", "--split", "train")
    result = run("validate", "--data", data, *words, "--out", tmp_path / "scores.json")
    assert result.stdout == ""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    report = json.loads((tmp_path / "scores.json").read_text(), parse_constant=refuse)
    assert report["photos"]["part_mean_iou"] is None and "--split train" in report["command"]


def test_numbers_are_shown_where_the_report_cannot_be_written(engine, data, tmp_path):
    (tmp_path / "file").write_text("")
    words = ("--detail", "fast", "--photos", "1", "--scenes", "0")
    result = run("validate", "--data", data, *words, "--out", tmp_path / "file" / "o.json", code=1)
    assert "val/photo_iou" in result.stdout
    assert "Error: output must be a place that can be written, got" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--detail", "fats"), 1, "detail must be a known name, got 'fats'. Did you mean 'fast'?"),
        (("--threshold", "2"), 1, "threshold must be from 0 to 1, got 2.0"),
        (("--photos", "-1"), 2, "Invalid value for '--photos'"),
        (("--scenes", "-1"), 2, "Invalid value for '--scenes'"),
        (("--split", "test"), 2, "Invalid value for '--split'"),
        (("--scales", "1,1"), 2, "scales must be different numbers from 0.25 to 4, got 1, 1."),
    ],
)
def test_wrong_words_are_one_line(engine, data, tmp_path, words, code, message):
    out = tmp_path / "scores.json"
    result = run("validate", "--data", data, *words, "--out", out, code=code)
    assert result.stderr.splitlines()[-1].startswith(f"Error: {message}")
    assert not out.exists()


def test_an_unknown_model_is_one_line(tmp_path):
    words = ("--data", tmp_path, "--model", "gpsnot", "--out", tmp_path / "scores.json")
    result = run("validate", *words, code=1)
    assert result.stderr.startswith("Error: model must be a shipped name, a folder or a passport")
