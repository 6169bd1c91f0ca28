"""The sheets by which the conversion of Clothing Co-Parsing is judged."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from peopleparse.errors import InputError
from tests.datasets import write_ccp_folder


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "tools" / "conversion_sheet.py"
    spec = importlib.util.spec_from_file_location("conversion_sheet", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sheets_of_the_chosen_photos(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=5, size=(60, 40))
    nobody = root / "annotations/pixel-level/0003.mat"
    savemat(nobody, {"groundtruth": np.zeros((60, 40), np.uint8)})
    out = tmp_path / "sheets"
    assert tool.main([str(root), str(out), "--count", "5", "--a-sheet", "3"]) == 0
    names = ["sheet_01.png", "sheet_02.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert capsys.readouterr().out.splitlines() == [str(out / name) for name in names]
    with Image.open(out / names[0]) as sheet:
        assert sheet.width > 2 * 528


def test_the_seed_alone_chooses(tool: ModuleType) -> None:
    ids = [f"{number:04d}" for number in range(50)]
    chosen = tool.choose_ids(ids, 20, seed=0)
    assert chosen == tool.choose_ids(ids, 20, seed=0) == sorted(set(chosen))
    assert chosen != tool.choose_ids(ids, 20, seed=1)


def test_more_photos_than_there_are(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="count must be 1 to 2, got 3. Choose another."):
        tool.choose_ids(["a", "b"], 3, seed=0)
    assert tool.main([str(tmp_path), str(tmp_path / "out")]) == 1
    assert "Error: Clothing Co-Parsing folder must hold photos/" in capsys.readouterr().err
