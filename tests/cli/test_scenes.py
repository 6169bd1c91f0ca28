"""`peopleparse scenes` on drawn people."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from peopleparse import __version__
from peopleparse.cli.data import hash_folder
from peopleparse.cli.scenes import scenes
from peopleparse.data.gps import GpsDataset, read_record
from peopleparse.data.gps_check import check_dataset
from peopleparse.errors import DataError, InputError
from tests.datasets import write_ccp_folder, write_gps_folder


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(scenes, [str(word) for word in words])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: 14 drawn people and 5 backgrounds."""
    root = tmp_path_factory.mktemp("data")
    write_ccp_folder(root / "ccp", parsed=14, tagged=0, size=(120, 80))
    (root / "backgrounds").mkdir()
    rng = np.random.default_rng(0)
    for number in range(5):
        noise = rng.integers(0, 256, (100, 120, 3)).astype(np.uint8)
        Image.fromarray(noise).save(root / "backgrounds" / f"{number}.jpg")
    return root


def make(preset: str, out: Path, root: Path, seed: int = 1, count: int = 3) -> Result:
    sizes = ("--width", "160", "--height", "120")
    numbers = ("--count", str(count), "--seed", str(seed))
    return run("make", preset, out, "--data", root, *numbers, *sizes)


@pytest.mark.parametrize("preset", ["indoor", "outdoor"])
def test_scenes_are_a_good_data_set_with_a_recipe(tmp_path: Path, root: Path, preset: str) -> None:
    out = tmp_path / "deep" / "scenes"
    result = make(preset, out, root)
    assert result.exit_code == 0, result.output
    assert check_dataset(out) == []
    dataset = GpsDataset(out, split="val")
    assert dataset.ids == [f"{preset}_{number:05d}" for number in range(3)]
    persons = sum(len(annotation) for _, annotation in dataset)
    recipe = json.loads((out / "scenes.json").read_text())
    assert (recipe["seed"], recipe["count"], recipe["split"]) == (1, 3, "val")
    assert (recipe["width"], recipe["height"], recipe["persons"]) == (160, 120, persons)
    assert recipe["made_by"] == f"peopleparse {__version__}"
    assert recipe["preset"]["name"] == preset and recipe["preset"]["mean_persons"] > 3
    assert recipe["backgrounds"] == 1 and recipe["sha256"] == hash_folder(out)
    assert result.stdout.splitlines() == [
        f"3 scenes, {persons} persons: {out}",
        f"sha256 of all images and maps: {recipe['sha256']}",
    ]


def test_a_record_names_the_people_and_the_seed(tmp_path: Path, root: Path) -> None:
    make("outdoor", tmp_path / "out", root, seed=4)
    recipe = json.loads((tmp_path / "out" / "scenes.json").read_text())
    record = read_record(tmp_path / "out", "outdoor_00002")
    assert record["scene"] == {"preset": "outdoor", "seed": [4, 2]}
    assert record["image"]["subset"] == "outdoor" and record["persons"]
    for person in record["persons"]:
        assert person["photo_id"] in recipe["people"]
        assert person["truncated"] in (True, False) and person["occluded"] in (True, False)


def test_the_hash_depends_on_the_seed_alone(tmp_path: Path, root: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert make("indoor", tmp_path / name, root, seed, count=2).exit_code == 0
    a, b, c = (hash_folder(tmp_path / name) for name in "abc")
    assert a == b != c
    make("indoor", tmp_path / "more", root, 1, count=3)
    first = [read_record(tmp_path / name, "indoor_00000")["image"] for name in ("a", "more")]
    assert first[0] == first[1]


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, root: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = make("indoor", tmp_path, root)
    assert isinstance(result.exception, InputError)
    assert "output must be a new or empty folder, got one with something in it, at" in str(
        result.exception
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_wrong_data_leaves_nothing_behind(tmp_path: Path, root: Path) -> None:
    (tmp_path / "ccp").symlink_to(root / "ccp")
    result = make("indoor", tmp_path / "out", tmp_path)
    assert isinstance(result.exception, DataError)
    assert "background folder must hold JPEG photos" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["ccp"]
    assert "Clothing Co-Parsing folder must hold" in str(
        make("indoor", tmp_path / "out", tmp_path / "no").exception
    )


def test_a_broken_run_leaves_nothing_behind(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise InputError("scene must be drawn, got none. Try again.")

    monkeypatch.setattr("peopleparse.data.scene_files.write_scene", fail)
    assert isinstance(make("indoor", tmp_path / "out", root).exception, InputError)
    assert list(tmp_path.iterdir()) == []


def test_usage(tmp_path: Path, root: Path) -> None:
    assert make("beach", tmp_path / "out", root).exit_code == 2
    assert run("make", "indoor", tmp_path / "out").exit_code == 2
    assert make("indoor", tmp_path / "out", root, count=0).exit_code == 2


@pytest.mark.parametrize("color_by", ["part", "person"])
def test_a_sheet_shows_images_beside_their_people(tmp_path: Path, color_by: str) -> None:
    write_gps_folder(tmp_path / "set")
    out = tmp_path / "sheets" / "a.png"
    result = run("sheet", tmp_path / "set", out, "--count", "3", "--color-by", color_by)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"3 of 5 images: {out}\n"
    with Image.open(out) as sheet:
        assert sheet.mode == "RGB" and sheet.width > 3 * 640 and sheet.height > 240
    assert run("sheet", tmp_path / "set", tmp_path / "all.png").exit_code == 0


def test_a_sheet_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    result = run("sheet", tmp_path, tmp_path / "a.png")
    assert isinstance(result.exception, InputError)
    assert "GPS folder must hold an image, got none, at" in str(result.exception)
    result = run("sheet", tmp_path, tmp_path / "a.jpg")
    assert result.exit_code == 2 and "OUT must end in .png, got" in result.stderr


def test_gps_like_needs_nothing_but_the_photos(tmp_path: Path) -> None:
    write_ccp_folder(tmp_path / "ccp", parsed=40, tagged=0, size=(240, 360))
    words = ("make", "gps-like", tmp_path / "out")
    result = run(*words, "--root", tmp_path / "ccp", "--share", "0.0006")
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 6 and "indoor  train     1 scenes" in result.stdout
    assert check_dataset(tmp_path / "out" / "outdoor") == []
    missing = run(*words)
    assert (
        missing.exit_code == 2 and "--root must be given for gps-like, got none" in missing.output
    )
