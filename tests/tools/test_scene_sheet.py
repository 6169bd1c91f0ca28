"""Sheets of scenes by score: every scene once, the best first."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tools.test_tools import load_tool
from tests.training.conftest import write_training_data


def test_the_best_come_first(tmp_path: Path) -> None:
    tool = load_tool("scene_sheet")
    dot = np.zeros((8, 16, 3), np.uint8)
    tiles = [(score, f"indoor {n}: x", dot) for n, score in enumerate((0.1, 0.9, 0.5, 0.7))]
    paths = tool.write_sheets(tiles, tmp_path)
    assert [path.name for path in paths] == ["best.png", "middle.png", "worst.png", "scores.json"]
    listed = json.loads(paths[-1].read_text())
    assert list(listed.items()) == [
        ("indoor 1", 0.9), ("indoor 3", 0.7), ("indoor 2", 0.5), ("indoor 0", 0.1)
    ]  # fmt: skip


def test_sheets_of_a_data_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool = load_tool("scene_sheet")
    data = write_training_data(tmp_path / "data")
    words = ["--scenes", "6", "--engine", "onnxruntime"]
    assert tool.main([str(data), str(tmp_path / "out"), *words]) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert len(json.loads(paths[-1].read_text())) == 6
    assert all(cv2.imread(str(path)) is not None for path in paths[:3])
    assert tool.main([str(tmp_path), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.startswith("Error: ")
