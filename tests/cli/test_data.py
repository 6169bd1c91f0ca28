from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from peopleparse.cli.data import data
from peopleparse.errors import DataError
from tests.datasets import write_gps_folder


def _run(*words: str | Path) -> Result:
    return CliRunner().invoke(data, [str(word) for word in words])


def test_check_of_a_good_folder(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    result = _run("check", tmp_path)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Note: 1 of 5 images show nobody.",
        "Note: 1 of 5 images show one person, not a group.",
        f"No problems in {tmp_path}",
    ]


def test_check_prints_problems_and_exits_1(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    (tmp_path / "images" / "a.jpg").unlink()
    (tmp_path / "annotations" / "b" / "b_02_01.png").unlink()
    result = _run("check", tmp_path)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("image must be a file, got none, at")
    assert lines[1].startswith("label PNG must be a file, got none, at")
    assert f"2 problems in {tmp_path}" in result.stderr


@pytest.mark.parametrize("command", ["check", "stats"])
def test_no_gps_folder_is_an_error_of_the_family(tmp_path: Path, command: str) -> None:
    result = _run(command, tmp_path / "no")
    assert isinstance(result.exception, DataError)
    assert "GPS folder must hold annotations/" in str(result.exception)


def test_stats_table(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    result = _run("stats", tmp_path)
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    for row in (
        ["images", "5"],
        ["persons", "per", "image", "2.00"],
        ["outdoor", "2"],
        ["val", "2"],
        ["hair", "10", "100.0%"],
        ["upper", "clothes", "10", "100.0%"],
        ["tie", "0", "0.0%"],
        ["image", "width", "160", "160", "160.0", "160"],
    ):
        assert row in rows


def test_stats_json_of_one_split(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    found = json.loads(_run("stats", tmp_path, "--split", "val", "--json").stdout)
    assert (found["images"], found["persons"]) == (2, 1)
    assert found["persons_per_image"] == {"0": 1, "1": 1}
    assert found["part_persons"]["face"] == 1
    assert set(found["person_heights"]) == {"least", "median", "mean", "greatest"}


def test_stats_of_an_unknown_split(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    result = _run("stats", tmp_path, "--split", "tran")
    assert isinstance(result.exception, DataError)
    assert "Did you mean 'train'?" in str(result.exception)


def test_usage() -> None:
    assert _run("check").exit_code == 2
    assert _run("chek").exit_code == 2
