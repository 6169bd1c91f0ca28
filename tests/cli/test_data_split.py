from __future__ import annotations

import json
import shutil
from pathlib import Path

from click.testing import CliRunner, Result

from peopleparse.cli.data import data
from peopleparse.data.gps import GpsDataset, read_record, record_path
from tests.data.people_folders import random_scenes, write_people
from tests.datasets import write_gps_folder


def _run(*words: str | Path) -> Result:
    return CliRunner().invoke(data, [str(word) for word in words])


def test_the_table(tmp_path: Path) -> None:
    folder = write_people(tmp_path, random_scenes(10))
    result = _run("split", folder)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:2] == [
        "images        train      val     test",
        "indoor            6        2        2",
    ]
    assert result.stdout.splitlines()[-1].endswith("images changed their split")
    assert [len(GpsDataset(folder, split)) for split in ("train", "val", "test")] == [6, 2, 2]
    assert _run("check", folder).exit_code == 0
    assert _run("split", folder).stdout.splitlines()[-1] == "0 images changed their split"


def test_near_duplicates_are_shown(tmp_path: Path) -> None:
    folder = write_people(tmp_path, random_scenes(6))
    for image_id in ("0001", "0005"):
        shutil.copy(folder / "images" / "0003.jpg", folder / "images" / f"{image_id}.jpg")
    result = _run("split", folder)
    assert "3 photos in 1 groups of near-duplicates stay together:" in result.stdout
    assert "  0001 0003 0005" in result.stdout


def test_many_groups_are_not_all_shown(tmp_path: Path) -> None:
    folder = write_people(tmp_path, random_scenes(44))
    for number in range(1, 44, 2):
        name = folder / "images" / f"{number - 1:04d}.jpg"
        shutil.copy(name, folder / "images" / f"{number:04d}.jpg")
    lines = _run("split", folder).stdout.splitlines()
    assert "44 photos in 22 groups of near-duplicates stay together:" in lines
    assert "  and 2 groups more" in lines


def test_counts_and_names(tmp_path: Path) -> None:
    folder = write_people(tmp_path, random_scenes(5))
    words = ("--names", "fit,test", "--counts", "1,4", "--distance", "0")
    assert _run("split", folder, *words).exit_code == 0
    assert len(GpsDataset(folder, "test")) == 4


def test_usage(tmp_path: Path) -> None:
    for words, text in (
        (("--shares", "a,b,c"), "--shares must be numbers parted by commas, got 'a,b,c'"),
        (("--counts", "1.5,2,3"), "--counts must be numbers parted by commas, got '1.5,2,3'"),
        (("--names", "a,a,b"), "--shares must be one number for each of the names a,a,b, got"),
    ):
        result = _run("split", tmp_path, *words)
        assert result.exit_code == 2 and text in result.stderr


def test_check_of_several_folders(tmp_path: Path) -> None:
    first, second = (write_gps_folder(tmp_path / name) for name in ("one", "two"))
    assert _run("check", first, second).exit_code == 0
    record = read_record(second, "a")
    record["image"]["split"] = "test"
    record_path(second, "a").write_text(json.dumps(record))
    result = _run("check", first, second)
    assert result.exit_code == 1
    assert f"id must be in one split, got 'a' in train at {first} and 'a' in test" in result.stdout
    assert f"No problems in {second}" in result.stdout
