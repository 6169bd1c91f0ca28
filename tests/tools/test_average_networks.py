"""Averaging: halfway is halfway, a head that one lacks stays, the passport says so."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from peopleparse.inference.passport import read_passport  # noqa: E402
from peopleparse.training.export import export_model  # noqa: E402
from peopleparse.training.from_export import load_exported  # noqa: E402
from peopleparse.training.recipe import Recipe  # noqa: E402
from tests.training.toy_model import make_model  # noqa: E402
from tools.average_networks import main  # noqa: E402


def write(folder, seed, presence):
    recipe = Recipe(presence=presence).to_dict()
    fields = {"recipe": recipe, "licence": "x", "scores": {"old": 1}}
    return export_model(make_model(seed, presence=presence), folder, "toy", fields)


def test_weights_lie_between_and_the_passport_says_so(tmp_path, capsys):
    paths = [write(tmp_path / "start", 1, False), write(tmp_path / "end", 2, True)]
    paths[1].write_text(
        json.dumps({**json.loads(paths[1].read_text()), "calibration": {"slope": 2, "offset": 0}})
    )
    assert main([*map(str, paths), str(tmp_path / "out"), "--share", "0.25"]) == 0
    written = tmp_path / "out" / "toy.json"
    assert capsys.readouterr().out.strip() == str(written)
    start, end, found = (
        load_exported(read_passport(path)).state_dict() for path in (*paths, written)
    )
    for name, value in found.items():
        wanted = 0.25 * start[name] + 0.75 * end[name] if name in start else end[name]
        assert torch.allclose(value, wanted, rtol=1e-4, atol=1e-3), name
    assert any(name.startswith("presence.") for name in found)
    fields = json.loads(written.read_text())
    assert fields["averaged"]["share"] == 0.25 and fields["licence"] == "x"
    assert fields["averaged"]["with"]["sha256"] == read_passport(paths[0]).sha256
    assert not {"scores", "calibration"} & set(fields), "those are END's alone"
