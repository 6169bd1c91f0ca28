"""`peopleparse evaluate`: folders in; a table, reports and an exit code out."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from peopleparse.cli import main
from peopleparse.evaluation.tally_file import read_tally_file
from tests.evaluation.folders import write_gps, write_lip


def run(*words, code=0):
    result = CliRunner().invoke(main, ["evaluate", *(str(word) for word in words)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    write_gps(folder / "truth")
    write_gps(folder / "one", spoilt=1)
    write_gps(folder / "two", spoilt=8)
    return folder


@pytest.fixture
def broken(tmp_path):
    found = write_gps(tmp_path / "broken", spoilt=1)
    (found / "annotations" / "photo_2" / "photo_2_03_01.png").write_bytes(b"dust")
    return found


def strip(report):
    return {key: value for key, value in report.items() if key not in ("seconds", "command")}


def test_the_table_and_the_json(folder, tmp_path):
    out = tmp_path / "new" / "scores.json"
    words = ("--all-readings", "--by", "count, size", "--bootstrap", "9", "--seed", "2")
    result = run(folder / "truth", folder / "one", folder / "two", *words, "--out", out)
    report = json.loads(out.read_text())
    assert report["command"].startswith(f"peopleparse evaluate {folder / 'truth'} ")
    assert report["command"].endswith(f"'count, size' --bootstrap 9 --seed 2 --out {out}")
    assert [system["name"] for system in report["systems"]] == ["one", "two"]
    hashes = {report["truth"]["sha256"], *(system["sha256"] for system in report["systems"])}
    assert len(hashes) == 3 and all(len(value) == 64 for value in hashes)
    assert list(report["systems"][0]["groups"]) == ["count", "size"]
    assert report["seed"] == 2 and len(report["comparisons"]) == 15
    value = report["systems"][0]["scores"]["pixels"]["mean_iou"]
    assert "mean IoU" in result.stdout and f"{100 * value:.2f}" in result.stdout
    assert result.stderr == "" and list(out.parent.iterdir()) == [out]


def test_shards_processes_and_resumed_runs_print_the_same(folder, tmp_path):
    pair = (folder / "truth", folder / "one")
    run(*pair, "--out", tmp_path / "1.json")
    run(*pair, "--out", tmp_path / "2.json", "--workers", "2", "--resume", tmp_path / "all")
    data = (tmp_path / "all").read_bytes()
    (tmp_path / "all").write_bytes(data[: len(data) // 2])
    run(*pair, "--out", tmp_path / "3.json", "--resume", tmp_path / "all")
    shards = [tmp_path / "s1", tmp_path / "s2"]
    for number, path in enumerate(shards, 1):
        result = run(*pair, "--shard", f"{number}/2", "--resume", path)
        assert result.stdout == f"3 of 6 images counted: {path}\n"
    run("--tallies", *shards, "--out", tmp_path / "4.json")
    reports = [strip(json.loads((tmp_path / f"{n}.json").read_text())) for n in (1, 2, 3, 4)]
    assert reports[1:] == reports[:-1]


def test_several_systems_have_a_tally_file_each(folder, tmp_path):
    words = ("--resume", tmp_path / "run.tallies", "--name", "a", "--name", "b/2")
    run(folder / "truth", folder / "one", folder / "two", *words)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["run.a.tallies", "run.b_2.tallies"]
    assert read_tally_file(tmp_path / "run.b_2.tallies").header["system"]["name"] == "b/2"


def test_a_broken_file_is_named_and_the_rest_is_scored(folder, broken, tmp_path):
    out = tmp_path / "scores.json"
    result = run(folder / "truth", broken, "--out", out, code=1)
    assert result.stderr == "Error: 1 file is not as it must be; all else is scored.\n"
    system = json.loads(out.read_text())["systems"][0]
    assert "photo_2_03_01.png" in system["faults"][0]["message"]
    assert system["scores"]["ap_lambda"]["missing_images"] == 1
    assert "photo_2" in result.stdout and "mean IoU" in result.stdout
    shard = run(folder / "truth", broken, "--shard", "1/2", "--resume", tmp_path / "s", code=1)
    assert shard.stderr.startswith("Error: prediction counted as missing: label map must be a PNG")
    assert shard.stdout.startswith("3 of 6 images counted")


def test_numbers_are_shown_where_they_cannot_be_written(folder, tmp_path):
    (tmp_path / "file").write_text("")
    result = run(folder / "truth", folder / "one", "--out", tmp_path / "file" / "o.json", code=1)
    assert "mean IoU" in result.stdout
    assert result.stderr.startswith("Error: output must be a place that can be written, got")


def test_a_missing_image_is_named_and_is_no_error(folder, tmp_path):
    few = write_gps(tmp_path / "few", 5, spoilt=1)
    result = run(folder / "truth", few, "--out", tmp_path / "o.json")
    assert json.loads((tmp_path / "o.json").read_text())["systems"][0]["missing"] == ["photo_5"]
    assert "photo_5" in result.stdout


def test_the_report_holds_all_forms(folder, broken, tmp_path):
    report = tmp_path / "report"
    run(folder / "truth", broken, "--report", report, code=1)
    names = ["report.html", "report.json", "report.md", "report.tex"]
    assert sorted(path.name for path in report.iterdir()) == names
    page = (report / "report.html").read_text()
    assert page.count("data:image/") == 6 and "photo_2" in page
    assert json.loads((report / "report.json").read_text())["definition"] == "evaluation/1"
    run(folder / "truth", folder / "one", "--resume", tmp_path / "t")
    run("--tallies", tmp_path / "t", "--report", tmp_path / "again")
    assert "data:image/" not in (tmp_path / "again" / "report.html").read_text()


def test_label_maps_are_scored_by_pixels(tmp_path):
    truth, found = write_lip(tmp_path / "t"), write_lip(tmp_path / "p", spoilt=3)
    run(truth, found, "--out", tmp_path / "o.json", "--format", "lip", "--pred-format", "lip")
    report = json.loads((tmp_path / "o.json").read_text())
    assert list(report["systems"][0]["scores"]) == ["pixels"] and report["scheme"] == "lip"
    result = run(truth, found, "--metrics", "ap_p", code=1)
    assert result.stderr.startswith("Error: scores of persons must have persons on both sides")


def test_only_some_images_and_scores(folder, tmp_path):
    (tmp_path / "ids.txt").write_text("photo_1.jpg\nphoto_4\n")
    words = ("--ids", tmp_path / "ids.txt", "--metrics", "pixels,ap_r", "--detail")
    result = run(folder / "truth", folder / "one", *words, "--out", tmp_path / "o.json")
    report = json.loads((tmp_path / "o.json").read_text())
    assert report["truth"]["images"] == 2
    assert list(report["systems"][0]["scores"]) == ["pixels", "ap_r"]
    assert "upper clothes" in result.stdout


def test_a_legacy_mode_is_named_in_the_report(folder, tmp_path):
    run(folder / "truth", folder / "one", "--mode", "legacy-qanet", "--out", tmp_path / "o.json")
    report = json.loads((tmp_path / "o.json").read_text())
    assert report["mode"] == "legacy-qanet"
    assert set(report["systems"][0]["scores"]) == {"pixels", "ap_p", "ap_r", "ap_h"}


def test_predictions_are_checked_without_truth(folder, broken, tmp_path):
    assert run("--check", folder / "one").stdout == f"No faults in {folder / 'one'}\n"
    photos = folder / "truth" / "images"
    run("--check", photos, folder / "one", "--pred-format", "gps", "--scheme", "gps")
    result = run("--check", photos, broken, code=1)
    assert "photo_2_03_01.png" in result.stdout
    assert result.stderr.splitlines()[-1] == f"Error: 1 fault in {broken}"
    few = write_gps(tmp_path / "few", 4)
    result = run("--check", photos, few, code=1)
    assert result.stdout.count("must have a prediction, got none") == 2
    assert result.stderr.splitlines()[-1] == f"Error: 2 faults in {few}"


def test_systems_of_one_name_are_called_by_their_path(folder, tmp_path):
    first = write_gps(tmp_path / "a" / "out", spoilt=1)
    second = write_gps(tmp_path / "b" / "out", spoilt=2)
    run(folder / "truth", first, second, "--out", tmp_path / "o.json")
    systems = json.loads((tmp_path / "o.json").read_text())["systems"]
    assert [system["name"] for system in systems] == [str(first), str(second)]
    result = run(folder / "truth", first, second, "--name", "x", "--name", "x", code=1)
    assert result.stderr.startswith("Error: names of systems must differ, got ['x', 'x']. Give")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "paths must be TRUTH and one or more PREDICTION, got 0."),
        (("truth",), "paths must be TRUTH and one or more PREDICTION, got 1."),
        (("--tallies",), "paths must be a file or folder, got 0."),
        (("--check", "a", "b", "c"), "--check must have one PREDICTION, got more."),
        (("truth", "one", "--mode", "legacy"), "mode must be a known name, got 'legacy'."),
        (("truth", "one", "--by", "colour"), "groups must be by known names, got 'colour'."),
        (("truth", "one", "--metrics", "iou"), "metrics must be scores of mode 'recommended'"),
        (("truth", "one", "--bootstrap", "-1"), "Invalid value for '--bootstrap'"),
        (("truth", "one", "--workers", "0"), "Invalid value for '--workers'"),
        (("truth", "one", "--shard", "3/2"), "shard must be i/n with 1 <= i <= n, got '3/2'."),
        (("truth", "one", "--shard", "x"), "shard must be i/n with 1 <= i <= n, got 'x'."),
        (("truth", "one", "--shard", "1/2"), "--shard must have one PREDICTION and --resume"),
        (("truth", "one", "--name", "a", "--name", "b"), "--name must be given once a prediction"),
        (("--tallies", "a", "--name", "b"), "--name must be given once a prediction (1), got 1 t"),
        (("truth", "one", "--mode", "legacy-pgn", "--by", "count"), "mode must be recommended for"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(folder, words, message):
    paths = [folder / word if word in ("truth", "one") else word for word in words]
    result = run(*paths, code=2)
    assert result.stderr.splitlines()[-1].startswith(f"Error: {message}")
    assert "peopleparse evaluate --help" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none", "one"), "labels must be a folder, zip archive or JSON file, got none, at"),
        (("truth", "none"), "labels must be a folder, zip archive or JSON file, got none, at"),
        (("truth", "one", "--format", "gsp"), "format must be known, got 'gsp'. Did you mean"),
        (("truth", "one", "--scheme", "gsp"), "scheme must be a known name, got 'gsp'. Did you"),
        (("--tallies", "none"), "tally file must be a readable file, got 'No such file"),
    ],
)
def test_what_is_not_there_is_one_line_and_exit_code_1(folder, words, message):
    known = ("truth", "one", "none")
    result = run(*(folder / word if word in known else word for word in words), code=1)
    assert result.stderr.startswith(f"Error: {message}")
