"""`peopleparse quantize`: photos in, an INT8 network out; and engines by name for commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from peopleparse.cli import main
from peopleparse.cli.engines import build_any_engine
from peopleparse.cli.quantize import draw
from peopleparse.errors import InputError
from peopleparse.inference import quantize
from peopleparse.inference.exported import DEFAULT_MODEL
from peopleparse.inference.quantize import QuantizeReport


def run(*args, code=0):
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(4):
        Image.fromarray(np.full((40, 60, 3), index, np.uint8)).save(folder / f"{index}.png")
    (folder / "broken.png").write_bytes(b"no photo")
    return folder


@pytest.fixture
def asked(monkeypatch):
    """What the command asks for; nothing is quantised."""
    asked = {}

    def note(passport, photos, folder, seed):
        asked.update(name=passport.name, photos=list(photos), folder=folder, seed=seed)
        return QuantizeReport(folder / "x.json", len(asked["photos"]), 7, 0.9876)

    monkeypatch.setattr(quantize, "quantize_model", note)
    monkeypatch.setattr("peopleparse.cli.extras.find_spec", lambda name: object())
    return asked


def test_photos_are_read_and_what_cannot_be_is_named(photos, asked, tmp_path):
    result = run("quantize", photos, tmp_path / "out")
    assert asked["name"] == DEFAULT_MODEL and asked["seed"] == 0
    assert [int(image[0, 0, 0]) for _, image in asked["photos"]] == [0, 1, 2, 3]
    assert len({digest for digest, _ in asked["photos"]}) == 4
    assert result.stdout == f"{tmp_path / 'out' / 'x.json'}\n"
    assert "Calibrated with 7 people in 4 photos; 98.76% of the pixels" in result.stderr
    assert "Error: " in result.stderr and "broken.png" in result.stderr


def test_a_seed_draws_the_photos(photos, asked, tmp_path):
    (photos / "broken.png").unlink()
    drawn = []
    for seed in (1, 1, 2):
        run("quantize", photos, tmp_path / "out", "--count", 2, "--seed", seed)
        drawn.append([digest for digest, _ in asked["photos"]])
    assert drawn[0] == drawn[1] != drawn[2] and len(drawn[0]) == 2
    assert draw(list("abc"), 2, 0) == sorted(draw(list("abc"), 2, 0))


def test_without_the_libraries(monkeypatch, photos, tmp_path):
    monkeypatch.setattr("peopleparse.cli.extras.find_spec", lambda name: None)
    result = run("quantize", photos, tmp_path / "out", code=1)
    assert "must have nncf, onnx, got none of nncf, onnx. Install them" in result.stderr
    assert "pip install 'peopleparse[openvino]'" in result.stderr


def test_commands_get_torch_by_its_name():
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    engine = build_any_engine("torch", DEFAULT_MODEL)
    assert engine.description.startswith("torch ") and engine.name == DEFAULT_MODEL
    assert build_any_engine("onnxruntime", DEFAULT_MODEL, 1).description.endswith("1 thread")


def test_commands_without_torch(monkeypatch):
    monkeypatch.setattr("peopleparse.cli.extras.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"must have torch, .* pip install 'peopleparse\[train\]'"):
        build_any_engine("torch", Path("nowhere"))
