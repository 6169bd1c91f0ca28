"""`peopleparse train`, and what a command says whose libraries are missing."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from peopleparse.cli import extras, main
from peopleparse.errors import InputError
from tests.training.conftest import write_training_data

RECIPE = """
from peopleparse.training.recipe import Phase, Recipe

RECIPE = Recipe(backbone="", batch=1, rois=2, phases=(Phase(1.0, (64, 64), (64, 64)),))
"""
SMALL = ("--workers", "0", "--photos", "0", "--scenes", "0")


def run(*args, code=0):
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    pytest.importorskip("scipy")
    return write_training_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def recipe(tmp_path):
    for name in ("torch", "tensorboard"):
        pytest.importorskip(name)
    path = tmp_path / "recipe.py"
    path.write_text(RECIPE)
    return path


def test_a_run_and_its_going_on(recipe, data, tmp_path):
    folder = tmp_path / "run"
    words = ["train", recipe, "--data", data, "--run", folder, *SMALL, "--set", "bfloat16=no"]
    first = run(*words, "--set", "steps=1")
    assert first.stdout == f"Step 1 of 1. Checkpoint: {folder / 'last.pt'}\n"
    assert "Going on" not in first.stderr and "loss" in first.stderr
    scored = ("--photos", "1", "--validate-every", "9")  # once, after the last step
    second = run(*words, *scored, "--set", "steps=2", "--set", "seed=3")
    assert f"Going on from {folder / 'last.pt'}" in second.stderr
    assert second.stdout == f"Step 2 of 2. Checkpoint: {folder / 'last.pt'}\n"
    entries = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries] == [2]
    assert set(entries[0]) == {"step", "val/photo_iou", "val/photo_iou_main"}  # no scenes


def test_of_several_processes_one_speaks(recipe, data, tmp_path, monkeypatch):
    from peopleparse.training import loop

    class Done:
        step = 4

    def train(chosen, data, folder, validator, every, workers, report):
        report(4, {"loss": 1.0})
        return Done()

    monkeypatch.setattr(loop, "train", train)
    words = ["train", recipe, "--data", data, "--run", tmp_path, *SMALL]
    assert run(*words).stdout.startswith("Step 4 of 6000.")
    monkeypatch.setenv("RANK", "1")
    silent = run(*words)
    assert (silent.stdout, silent.stderr) == ("", "")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("step=2", "setting must be key=value, got 'step=2'. Did you mean 'steps'?"),
        ("steps", "setting must be key=value, got 'steps'."),
        ("steps=many", "setting steps must be int, got 'many'. Give a int."),
        ("fuse=maybe", "setting fuse must be bool, got 'maybe'. Give a bool."),
    ],
)
def test_a_wrong_setting_is_one_line(recipe, tmp_path, setting, message):
    words = ["train", recipe, "--data", tmp_path, "--run", tmp_path / "run", "--set", setting]
    result = run(*words, code=1)
    assert result.stderr.startswith(f"Error: {message}")
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "recipe must be a Python file, got none, at"),
        ("RECIPE = 3", "recipe file must define RECIPE = Recipe(...), got int, at"),
        ("1 / 0", "recipe file must run, got ZeroDivisionError: division by zero, at"),
    ],
)
def test_a_wrong_recipe_is_one_line(recipe, tmp_path, text, message):
    path = tmp_path / "other.py"
    if text is not None:
        path.write_text(text)
    result = run("train", path, "--data", tmp_path, "--run", tmp_path / "run", code=1)
    assert result.stderr.startswith(f"Error: {message} {path}.")
    assert len(result.stderr.splitlines()) == 1


def test_a_folder_without_people_is_one_line(recipe, tmp_path):
    result = run("train", recipe, "--data", tmp_path, "--run", tmp_path / "run", code=1)
    message = "Error: Clothing Co-Parsing folder must hold photos/, got none, at"
    assert result.stderr.startswith(message) and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "words",
    [("--validate-every", "0"), ("--photos", "-1"), ("--scenes", "-1"), ("--workers", "-1")],
)
def test_counts_out_of_range_are_wrong_usage(tmp_path, words):
    result = run("train", "r.py", "--data", tmp_path, "--run", tmp_path, *words, code=2)
    assert f"Invalid value for '{words[0]}'" in result.stderr


def test_missing_libraries_are_named_with_their_extra(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "b" else object())
    extras.need_extra("train", "a", "c")
    message = r"this command must have a, b, c, got none of b\. Install them: pip install "
    with pytest.raises(InputError, match=message + r"'peopleparse\[train\]'"):
        extras.need_extra("train", "a", "b", "c")


@pytest.mark.parametrize(
    ("words", "library"),
    [
        (("train", "r.py", "--data", "d", "--run", "r"), "torch"),
        (("validate", "--data", "d", "--out", "o.json"), "scipy"),
        (("export", "last.pt", "d"), "onnx"),
    ],
)
def test_a_core_install_says_what_the_command_needs(monkeypatch, words, library):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    result = run(*words, code=1)
    assert result.stderr.startswith("Error: this command must have ") and library in result.stderr
    assert result.stderr.endswith("Install them: pip install 'peopleparse[train]'\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("r.py", "--data", "d"), "Missing option '--run'."),
        (("--data", "d", "--run", "r"), "Missing argument 'RECIPE'."),
        (("--finetune", "base", "--data", "d"), "Missing option '--out'."),
        (
            ("r.py", "--finetune", "base", "--data", "d", "--out", "o"),
            "'RECIPE' must not stand beside --finetune.",
        ),
        (
            ("--finetune", "base", "--data", "d", "--out", "o", "--photos", "3"),
            "'--photos' must not stand beside --finetune.",
        ),
        (
            ("r.py", "--data", "d", "--run", "r", "--steps", "9"),
            "'--steps' must not stand without --finetune.",
        ),
    ],
)
def test_words_of_recipes_and_of_fine_tuning_are_apart(words, message):
    assert message in run("train", *words, code=2).stderr


@pytest.fixture
def tuned(monkeypatch):
    """Stand in for the fine-tuning itself; return the words that it was called with."""
    for name in ("torch", "onnx", "tensorboard"):
        pytest.importorskip(name)
    from peopleparse.training import finetune as module

    seen = []

    def finetune(data, out, start, steps, val_share, settings, workers, report):
        seen.append((start, steps, val_share, settings, workers))
        if start == "stop":
            raise KeyboardInterrupt("Stopped after step 3 of 9. Start the same command again.")
        report(1, {"loss": 1.0})
        scores = {"part_mean_iou": 0.5, "average_ap": {"strict": 0.25}, "mask_recall_50": 1.0}
        counts = ("mine", "ab", 16, 4, 0, 20, ("tie",), start, steps, 3.0)
        return module.FinetuneReport(*counts, scores, scores, "start", out / "mine.json")

    monkeypatch.setattr(module, "finetune", finetune)
    return seen


def test_fine_tuning_says_what_came_of_it(tuned, tmp_path):
    words = ["train", "--finetune", "base", "--data", tmp_path, "--out", tmp_path / "mine"]
    result = run(*words, "--steps", "9", "--set", "lr=1e-4", "--report", tmp_path / "r.json")
    assert tuned == [("base", 9, 0.2, ("lr=1e-4",), 1)]
    assert result.stdout.splitlines() == [
        "Learnt from 16 photos, scored on 4 others:",
        "part mean IoU           50.0 -> 50.0",
        "average AP, strict      25.0 -> 25.0",
        "persons found at IoU .5 100.0 -> 100.0",
        "No gain: kept the network as it was at the start. Try more photos or more steps.",
        f"peopleparse parse PHOTO --model {tmp_path / 'mine'}",
    ]
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["photos"] == 16 and report["kept"] == "start"
    assert report["command"] == (
        "peopleparse train --finetune base --steps 9 --val-share 0.2 --set lr=1e-4"
    )


def test_a_stopped_fine_tuning_says_how_to_go_on(tuned, tmp_path):
    words = ["train", "--finetune", "stop", "--data", tmp_path, "--out", tmp_path / "mine"]
    result = run(*words, code=130)
    assert result.stderr.splitlines()[-1].startswith("Stopped after step 3 of 9.")
    assert result.stdout == ""


def test_a_wrong_fine_tuning_folder_is_one_line(recipe, tmp_path):
    pytest.importorskip("onnx")
    words = ["train", "--finetune", "base", "--data", tmp_path, "--out", tmp_path / "mine"]
    result = run(*words, code=1)
    assert "Error: GPS folder must hold annotations/, got none, at" in result.stderr
    assert not (tmp_path / "mine").exists()
