"""benchmarks/folder.py: what it reckons, checks and says; never a real measurement."""

from __future__ import annotations

import pytest

from benchmarks import folder
from benchmarks.folder_kill import compare_runs, finished_photos
from benchmarks.folder_report import folder_table
from benchmarks.harness import BenchmarkError
from peopleparse.inference import Parser, find_photos, parse_folder
from tests.fakes import FakeEngine


def make_turns(alone=1.0, whole=1.1, cpu=1.8):
    sides = ({"seconds": alone, "cpu_seconds": cpu}, {"seconds": whole, "cpu_seconds": cpu + 0.4})
    return [sides] * 3


def test_fraction_and_bound():
    found = folder.summarize(make_turns(), {"cpu_seconds": 0.04}, 10, cores=2)
    assert found["fraction"]["median"] == pytest.approx(1 / 1.1)
    # 1.8 + 10 x 0.04 seconds on two cores take 1.1 seconds at least.
    assert found["bound"] == pytest.approx(1 / 1.1)
    assert found["alone_busy_cores"] == pytest.approx(1.8)
    idle = folder.summarize(make_turns(cpu=1.0), {"cpu_seconds": 0.04}, 10, cores=2)
    assert idle["bound"] == 1  # what decoding and encoding take was free before


def make_kill(**more):
    kill = {"kills": 20, "photos": 10, "files": 40, "missing": [], "besides": [], "different": []}
    return kill | {"photos_finished_once": 10, "photos_finished_more_than_once": 0} | more


def make_result(whole=1.1, peak=100):
    found = folder.summarize(make_turns(whole=whole), {"cpu_seconds": 0.04}, 10, cores=2)
    found |= {"engine": "ONNX Runtime 1", "peak_bytes": {"2": 100e6, "10": peak * 1e6}}
    machine = {"cpu": "Chip", "cores": 2, "system": "Linux", "python": "3", "load_before": 0.0}
    return {
        **{"written": "now", "quick": False, "photos": 10, "kind": "drawn scenes"},
        **{"repetitions": 3, "machine": machine | {"quiet": True}},
        **{"engines": {"onnxruntime": found}, "kill": make_kill()},
    }


def test_table():
    text = folder_table(make_result())
    assert "| throughput of a folder, engine alone = 1 | 0.91 (0.91 to 0.91) |" in text
    assert "| peak memory after 10 photos | 100 MB |" in text
    assert "20 runs were killed (SIGKILL)" in text and "10 of 10 photos were finished once" in text
    assert text.count("(met)") == 2
    assert folder_table(make_result(whole=1.3, peak=110)).count("(NOT met)") == 2


@pytest.mark.parametrize(
    "fault",
    [{"missing": ["a"]}, {"different": ["a"]}, {"besides": [".x"]}, {"photos_finished_once": 9}],
)
def test_a_kill_that_lost_something_is_an_error(fault):
    folder.check_kills(make_kill())
    with pytest.raises(BenchmarkError, match="killed runs must finish 10 photos once each, got"):
        folder.check_kills(make_kill(**fault))


def test_runs_are_compared_file_by_file(tmp_path):
    options = folder.read_options(["--quick", "--photos", "3"])
    photos = find_photos([folder.write_photos(options, tmp_path / "in")])[:3]
    parser = Parser(engine=FakeEngine(), detail="fast")
    for name in ("plain", "killed"):
        parse_folder(parser, photos, tmp_path / name, ("json",))
    found = compare_runs(tmp_path / "plain", tmp_path / "killed", 3)
    assert found["files"] == found["photos_finished_once"] == 3
    assert not found["missing"] + found["besides"] + found["different"]
    first, second, _ = sorted((tmp_path / "killed").glob("*.json"))
    first.unlink()
    second.write_text("{}")
    (tmp_path / "killed" / ".left").touch()
    found = compare_runs(tmp_path / "plain", tmp_path / "killed", 3)
    assert (found["missing"], found["besides"]) == ([first.name], [".left"])
    assert found["different"] == [first.name, second.name]
    assert set(finished_photos(tmp_path / "killed").values()) == {1}


def test_options():
    options = folder.read_options(["--quick"])
    assert (options.photos, options.kills, options.repetitions) == (10, 2, 1)
    with pytest.raises(SystemExit):
        folder.read_options(["--kills", "0"])
