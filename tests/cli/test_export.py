"""`peopleparse export`: a run's checkpoint becomes a network that the other commands take."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

for library in ("torch", "onnx", "scipy"):
    pytest.importorskip(library)

from peopleparse.cli import main  # noqa: E402
from peopleparse.inference.passport import find_passport, read_passport  # noqa: E402
from peopleparse.training.checkpoint import save_checkpoint  # noqa: E402
from tests.training.conftest import tiny_recipe, write_training_data  # noqa: E402
from tests.training.toy_model import make_model  # noqa: E402


def run(*args, code=0):
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The end of a run, as far as export looks at it."""
    path = tmp_path_factory.mktemp("run") / "last.pt"
    recipe = json.dumps(tiny_recipe(seed=5).to_dict())
    save_checkpoint(path, {"step": 3, "recipe": recipe, "average": make_model().state_dict()})
    return path


def test_a_checkpoint_becomes_a_network(checkpoint, tmp_path):
    said = tmp_path / "said.json"
    said.write_text(json.dumps({"licence": "Apache-2.0", "step": 99, "name": "other"}))
    folder = tmp_path / "out"
    result = run("export", checkpoint, folder, "--name", "toy", "--passport", said)
    assert result.stdout == f"{folder / 'toy.json'}\n"
    passport = read_passport(find_passport(folder))
    assert passport.name == "toy" and passport.fields["licence"] == "Apache-2.0"
    assert passport.fields["step"] == 3 and passport.fields["recipe"]["seed"] == 5
    assert passport.fields["name"] == "toy"

    data, out = write_training_data(tmp_path / "data"), tmp_path / "scores.json"
    words = ("--model", folder, "--detail", "fast", "--photos", "1", "--scenes", "0")
    run("validate", "--data", data, *words, "--out", out)
    report = json.loads(out.read_text())
    assert report["weights"] == dict(passport.sha256) and report["photos"]["persons_found"] > 0


def test_the_name_is_the_model_where_none_is_given(checkpoint, tmp_path, monkeypatch):
    from peopleparse.training import export

    monkeypatch.setattr(export, "export_model", lambda model, folder, name, fields: folder / name)
    result = run("export", checkpoint, tmp_path)
    assert result.stdout == f"{tmp_path / 'gpsnet_mobilenet_v2'}\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), ("{", "Expecting property name"), ("[1]", "a list")],
)
def test_a_wrong_passport_is_one_line(checkpoint, tmp_path, content, reason):
    said = tmp_path / "said.json"
    if content is not None:
        said.write_text(content)
    result = run("export", checkpoint, tmp_path / "out", "--passport", said, code=1)
    assert result.stderr.startswith("Error: passport must be a JSON file with an object, got ")
    assert reason in result.stderr
    assert result.stderr.endswith(f"at {said}. Mend it or leave it out.\n")
    assert len(result.stderr.splitlines()) == 1 and not (tmp_path / "out").exists()


def test_a_wrong_checkpoint_is_one_line(tmp_path):
    missing, other = tmp_path / "none.pt", tmp_path / "other.pt"
    save_checkpoint(other, {"weights": {}})
    messages = {
        missing: f"checkpoint must be a file, got none, at {missing}. Train one first.",
        other: "checkpoint must hold recipe, step and average of a run, got KeyError 'recipe', "
        f"at {other}. Give the last.pt of a run.",
    }
    for path, message in messages.items():
        result = run("export", path, tmp_path / "out", code=1)
        assert result.stderr == f"Error: {message}\n"
    assert not (tmp_path / "out").exists()
