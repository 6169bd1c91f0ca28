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
from tools.average_networks import average_networks, main  # noqa: E402


def write(folder, seed, presence):
    recipe = Recipe(presence=presence).to_dict()
    fields = {"recipe": recipe, "licence": "x", "scores": {"old": 1}}
    return export_model(make_model(seed, presence=presence), folder, "toy", fields)


def test_weights_lie_between_and_the_passport_says_so(tmp_path, capsys):
    paths = [write(tmp_path / "start", 1, False), write(tmp_path / "end", 2, True)]
    paths[1].write_text(
        json.dumps({**json.loads(paths[1].read_text()), "calibration": {"slope": 2, "offset": 0}})
    )
    out = tmp_path / "out"
    assert main([*map(str, paths), "--out", str(out), "--shares", "0.25", "0.75"]) == 0
    written = out / "toy.json"
    assert capsys.readouterr().out.strip() == str(written)
    start, end, found = (
        load_exported(read_passport(path)).state_dict() for path in (*paths, written)
    )
    for name, value in found.items():
        wanted = 0.25 * start[name] + 0.75 * end[name] if name in start else end[name]
        assert torch.allclose(value, wanted, rtol=1e-4, atol=1e-3), name
    assert any(name.startswith("presence.") for name in found)
    fields = json.loads(written.read_text())
    assert [one["share"] for one in fields["averaged"]] == [0.25, 0.75]
    assert fields["averaged"][0]["sha256"] == read_passport(paths[0]).sha256
    assert fields["licence"] == "x"
    assert not {"scores", "calibration"} & set(fields), "those are one network's alone"


def test_three_are_averaged_alike_and_none_is_changed():
    models = [make_model(seed, presence=True) for seed in (1, 2, 3)]
    before = [{n: v.clone() for n, v in model.state_dict().items()} for model in models]
    found = average_networks(models, [1, 1, 1]).state_dict()
    for name, value in found.items():
        wanted = torch.stack([state[name].double() for state in before]).mean(dim=0)
        assert torch.allclose(value.double(), wanted, atol=1e-5), name
    for model, old in zip(models[:2], before, strict=False):
        assert all(torch.equal(value, old[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "o", "--shares", "1"], "shares must be one a network, 2, got 1."),
        ([], "one of --out and --score must be given, got none or both."),
    ],
)
def test_wrong_words(words, said, capsys):
    with pytest.raises(SystemExit):
        main(["a", "b", *words])
    assert said in capsys.readouterr().err
