"""The sheets of scenes closer to life: one a switch, one of what is ignored."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from peopleparse.data.bystanders import write_bystanders
from peopleparse.data.people import read_portraits
from peopleparse.data.rle_encode import encode_mask
from tests.tools.test_tools import load_tool
from tests.training.conftest import write_training_data


def test_the_sheets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool = load_tool("life_sheet")
    data = write_training_data(tmp_path / "data")
    photos = {}
    for portrait in read_portraits(data / "ccp", "train"):
        mask = portrait.parsing == 0
        photos[portrait.photo_id] = [{"segmentation": encode_mask(mask)}]
    write_bystanders(data / "bystanders", photos, {})
    assert tool.main([str(data), str(tmp_path / "out"), "--count", "2"]) == 0
    names = [Path(line).stem for line in capsys.readouterr().out.splitlines()]
    assert names == [*tool.SWITCHES, "bystanders"]
    for name in names:
        assert cv2.imread(str(tmp_path / "out" / f"{name}.png")) is not None
    (data / "bystanders" / "bystanders.json").write_text("{")
    assert tool.main([str(data), str(tmp_path / "out"), "--count", "1"]) == 1
    assert capsys.readouterr().err.startswith("Error: bystanders must be JSON")
