from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from peopleparse.cli.data import data
from peopleparse.data.bystanders import read_bystanders
from peopleparse.data.pseudo_labels import read_pseudo_portraits
from peopleparse.inference import engines
from tests.datasets import write_ccp_folder
from tests.fakes import FakeEngine, draw_people


def _run(*words: str | Path) -> Result:
    return CliRunner().invoke(data, ["pseudo-labels", *(str(word) for word in words)])


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set whose tag-only photos show people whom a stand-in for the network sees."""
    root = write_ccp_folder(tmp_path / "ccp", parsed=2, tagged=2)
    photos = sorted((root / "annotations" / "image-level").glob("*.mat"))
    for boxes, path in zip(([(40, 20, 100, 200), (150, 90, 180, 200)], []), photos, strict=True):
        photo = draw_people((220, 220), boxes)
        Image.fromarray(photo).save(root / "photos" / f"{path.stem}.jpg", quality=100)
    monkeypatch.setattr(engines, "build_engine", lambda *words: FakeEngine())
    return root


def test_maps_of_the_photos_with_tags(tmp_path: Path, root: Path) -> None:
    out = tmp_path / "out"
    result = _run(out, "--root", root, "--detail", "fast")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(f"maps of 1 of 2 photos: {out / 'pseudo_labels.json'}\n")
    about = json.loads((out / "pseudo_labels.json").read_text())
    assert (about["detail"], about["scales"], about["flip"]) == ("fast", [0.75, 1.0, 1.25], True)
    assert about["model"]["name"] == "gpsnet_mobilenet_v2"
    [found] = read_pseudo_portraits(root, out)
    x1, y1, x2, y2 = found.box
    assert abs(x1 - 40) < 12 and abs(x2 - 100) < 12 and abs(y2 - 200) < 12 and y1 < 40
    assert list(read_bystanders(out, [found])) == [found.photo_id]


def test_nobody_is_drawn_in_what_nobody_wears(tmp_path: Path, root: Path) -> None:
    from scipy.io import savemat

    for path in (root / "annotations" / "image-level").glob("*.mat"):
        savemat(path, {"tags": np.zeros((1, 1), np.uint8)})  # nothing at all
    assert _run(tmp_path / "out", "--root", root, "--detail", "fast").exit_code == 0
    [found] = read_pseudo_portraits(root, tmp_path / "out")
    assert not found.present() & {4, 6, 9, 10}  # neither clothes nor shoes
    assert found.present() & {2, 11}


def test_wrong_words(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=2, tagged=1)
    for words, text in (
        (("--root", root, "--detail", "finest"), "detail must be a known name, got 'finest'"),
        (("--root", root, "--model", "nobody"), "model must be a shipped name"),
        (("--root", root, "--engine", "steam"), "engine must be a known name, got 'steam'"),
        (("--root", tmp_path / "none"), "none"),
    ):
        result = _run(tmp_path / "out", *words)
        assert result.exit_code != 0
        assert text in f"{result.output}{result.exception}"
        assert not (tmp_path / "out").exists()
