"""Scoring on Ray: the counts and the report of one process, byte for byte."""

from __future__ import annotations

import json
import os

import pytest
from click.testing import CliRunner

from peopleparse.cli import main
from peopleparse.data.formats import open_labels
from peopleparse.errors import InputError
from peopleparse.evaluation import map_reduce
from peopleparse.evaluation.map_reduce import count_on_ray
from peopleparse.evaluation.runner import count_images
from tests.conftest import REPO
from tests.evaluation.folders import write_gps


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    truth = write_gps(root / "truth", 10)
    mine = write_gps(root / "mine", 10, spoilt=3)
    next(path for path in sorted(mine.rglob("*photo_4*")) if path.suffix == ".png").unlink()
    return truth, mine


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray")
    pytest.importorskip("pyarrow")
    from peopleparse.inference.ray_cluster import connected

    os.environ["PYTHONPATH"] = os.pathsep.join((str(REPO / "src"), str(REPO)))
    with connected("local", 2, 1) as cores:
        yield cores


@pytest.mark.slow
def test_a_tally_file_is_that_of_one_process(cluster, folders, tmp_path, monkeypatch):
    monkeypatch.setattr(map_reduce, "_CHUNK", 3)
    truth = open_labels(folders[0], None, None, "truth", None)
    mine = open_labels(folders[1], None, truth.scheme, "prediction", None)
    count_images(truth, mine, tmp_path / "one", name="mine")
    seen: list[str] = []
    count_on_ray(truth, mine, tmp_path / "two", name="mine", cores=2, progress=seen.append)
    whole = (tmp_path / "one").read_bytes()
    assert (tmp_path / "two").read_bytes() == whole
    assert seen == list(truth.ids)
    # A run that was stopped in the middle of a record goes on; what was faulty is tried again.
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(whole[: len(whole) * 2 // 3])
    count_images(truth, mine, tmp_path / "one", name="mine")
    count_on_ray(truth, mine, tmp_path / "two", name="mine", cores=2)
    assert (tmp_path / "two").read_bytes() == (tmp_path / "one").read_bytes()


@pytest.mark.slow
def test_the_command_reports_what_one_process_reports(cluster, folders, tmp_path):
    reports = []
    for name, more in (("one", []), ("ray", ["--ray", "local"])):
        words = ["evaluate", *map(str, folders), "--bootstrap", "20", "--by", "count,occlusion"]
        out = str(tmp_path / f"{name}.json")
        found = CliRunner().invoke(main, [*words, "--out", out, *more])
        assert found.exit_code == 1, found.output  # the prediction that lost a file
        report = json.loads((tmp_path / f"{name}.json").read_text())
        reports.append({key: report[key] for key in report if key not in _OF_THE_RUN})
    assert reports[0] == reports[1] and len(reports[0]) > 3


_OF_THE_RUN = {"command", "seconds", "started", "created", "machine"}


@pytest.mark.slow
def test_a_task_that_fails_is_one_line(cluster, folders, tmp_path, monkeypatch):
    def fail(truth, prediction, jobs):
        raise OSError("the disk is gone")

    monkeypatch.setattr(map_reduce, "_count_chunk", fail)
    truth = open_labels(folders[0], None, None, "truth", None)
    with pytest.raises(InputError, match="done by Ray's workers, got .*the disk is gone") as error:
        count_on_ray(truth, truth, tmp_path / "t")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("more", [["--shard", "1/2"], ["--tallies"], ["--check"]])
def test_ray_counts_and_nothing_else(more):
    found = CliRunner().invoke(main, ["evaluate", "a", "b", "--ray", "local", *more])
    assert found.exit_code == 2 and "--ray must have TRUTH and PREDICTION" in found.output
