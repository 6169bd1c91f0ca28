from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from peopleparse.cli.data import data
from peopleparse.data.gps import read_image_ids, read_record
from peopleparse.errors import InputError
from tests.data.label_folders import write_png
from tests.data.people_folders import folder_bytes, random_scenes, write_people


def _run(*words: str | Path) -> Result:
    return CliRunner().invoke(data, ["convert", *(str(word) for word in words)])


@pytest.mark.parametrize("to", ["cihp", "mhp-v1", "mhp-v2", "coco"])
def test_there_and_back(tmp_path: Path, to: str) -> None:
    source = write_people(tmp_path / "set", random_scenes(3, least=2, most=2))
    result = _run(source, tmp_path / "out", "--to", to)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"3 images with 6 persons written: {tmp_path / 'out'} ({to}, labels of scheme gps)",
        "Nothing of what was converted is lost.",
    ]
    assert _run(tmp_path / "out", tmp_path / "back", "--to", "gps").exit_code == 0
    assert folder_bytes(tmp_path / "back") == folder_bytes(source)


def test_what_is_lost_is_printed(tmp_path: Path) -> None:
    persons = np.array([[[4, 16, 255, 2]], [[0, 0, 6, 2]]], np.uint8)
    source = write_people(tmp_path / "set", {"a": persons})
    result = _run(source, tmp_path / "out", "--to", "cihp", "--translate")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == [
        "Lost:",
        "  overlap pixels given up (the left person keeps them): 1",
        "  ignored pixels given up to another person's label: 1",
        "Labels:",
        "  kept 4 of 6 pixels",
        "  merged: upper clothes 1",
        "  dropped: bag 1",
    ]


def test_a_broken_image_is_named_and_the_exit_status_is_1(tmp_path: Path) -> None:
    source = write_people(tmp_path / "set", random_scenes(2))
    (source / "annotations" / "0001" / "0001.json").write_text("{")
    (source / "images" / "0000.jpg").unlink()
    result = _run(source, tmp_path / "out", "--to", "coco")
    assert result.exit_code == 1
    assert result.stderr.strip().startswith("labels must be JSON, got ")
    assert "1 images could not be converted" in result.stdout
    assert "Note: images without a photo: 1" in result.stdout


def test_options_reach_the_records(tmp_path: Path) -> None:
    write_png(tmp_path / "in/parsing_annos/a_01_01.png", np.array([[4, 3]], np.uint8))
    write_png(tmp_path / "photos/a.png", np.zeros((1, 2, 3), np.uint8))
    result = _run(
        tmp_path / "in", tmp_path / "out", "--to", "gps", "--from", "mhp-v2", "--scheme", "gps",
        "--images", tmp_path / "photos", "--subset", "outdoor", "--as-split", "test",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    image = read_record(tmp_path / "out", "a")["image"]
    assert (image["subset"], image["split"]) == ("outdoor", "test")


def test_one_split(tmp_path: Path) -> None:
    source = write_people(tmp_path / "set", random_scenes(4))
    _run(source, tmp_path / "out", "--to", "gps", "--split", "val")
    assert read_image_ids(tmp_path / "out") == ["0000", "0003"]


def test_usage(tmp_path: Path) -> None:
    assert _run(tmp_path, tmp_path / "out").exit_code == 2
    result = _run(tmp_path, tmp_path / "out", "--to", "voc")
    assert isinstance(result.exception, InputError)
    assert "format must be one that can be written, got 'voc'." in str(result.exception)
