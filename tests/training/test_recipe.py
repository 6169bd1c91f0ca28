"""Recipes: where they come from, how settings change them, and every way to get one wrong."""

from __future__ import annotations

import json
import re
from dataclasses import fields

import pytest

torch = pytest.importorskip("torch")

from peopleparse.errors import InputError  # noqa: E402
from peopleparse.training.recipe import Phase, Recipe, change_recipe, load_recipe  # noqa: E402
from tests.conftest import REPO  # noqa: E402

GOOD = "from peopleparse.training.recipe import Recipe\nRECIPE = Recipe(steps=7)\n"


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted((REPO / "recipes").glob("*.py")), ids=lambda p: p.stem)
def test_every_recipe_of_the_repository_loads(path):
    recipe = load_recipe(path)
    assert isinstance(recipe, Recipe) and recipe.phases[-1].until == 1
    for phase in recipe.phases:
        assert all(side % 32 == 0 for side in (*phase.scene, *phase.photo))


def test_a_file_and_its_settings(tmp_path):
    path = write(tmp_path / "r.py", GOOD)
    assert load_recipe(path) == Recipe(steps=7)
    recipe = load_recipe(path, ("steps=9", "lr=1e-3", "backbone=", "fuse=no", "adjust=True"))
    assert recipe == Recipe(steps=9, lr=1e-3, backbone="", fuse=False, adjust=True)
    kinds = {field.name: type(getattr(recipe, field.name)) for field in fields(recipe)}
    assert (kinds["steps"], kinds["lr"], kinds["fuse"]) == (int, float, bool)


@pytest.mark.parametrize(
    "text, value", [("1", True), ("YES", True), ("0", False), ("false", False)]
)
def test_switches_are_read_as_words(text, value):
    assert change_recipe(Recipe(), (f"bfloat16={text}",)).bfloat16 is value


@pytest.mark.parametrize(
    "setting, text",
    [
        ("steps", "setting must be key=value, got 'steps'. Did you mean 'steps'? Choices: model, "),
        ("step=3", "setting must be key=value, got 'step=3'. Did you mean 'steps'? Choices: "),
        ("phases=3", "setting must be key=value, got 'phases=3'. "),
        ("steps=many", "setting steps must be int, got 'many'. Give a int."),
        ("lr=fast", "setting lr must be float, got 'fast'. Give a float."),
        ("fuse=maybe", "setting fuse must be bool, got 'maybe'. Give a bool."),
    ],
)
def test_wrong_settings_are_errors(setting, text):
    with pytest.raises(InputError, match=re.escape(text)):
        change_recipe(Recipe(), (setting,))


def test_wrong_files_are_errors(tmp_path):
    path = tmp_path / "none.py"
    text = f"recipe must be a Python file, got none, at {path}. See recipes/."
    with pytest.raises(InputError, match=re.escape(text)):
        load_recipe(path)
    path = write(tmp_path / "empty.py", "")
    text = f"recipe file must define RECIPE = Recipe(...), got NoneType, at {path}. Copy one"
    with pytest.raises(InputError, match=re.escape(text)):
        load_recipe(path)
    path = write(tmp_path / "broken.py", "RECIPE = Recipe(")
    with pytest.raises(InputError, match="recipe file must run, got SyntaxError: .* Copy one from"):
        load_recipe(path)


def test_phases_follow_each_other():
    first, second = Phase(0.5, (64, 96), (96, 64)), Phase(0.8, (96, 96), (96, 96))
    recipe = Recipe(steps=10, phases=(first, second))
    assert [recipe.phase(step) for step in (0, 4, 5, 7)] == [first, first, second, second]
    assert recipe.phase(9) is second  # the last phase goes on to the end


def test_a_recipe_is_plain_values():
    values = json.loads(json.dumps(Recipe().to_dict()))
    assert values["model"] == "gpsnet_mobilenet_v2" and values["phases"][0]["until"] == 0.7


@pytest.mark.parametrize("path", sorted((REPO / "recipes").glob("*.py")), ids=lambda p: p.stem)
def test_a_recipe_comes_back_from_json(path):
    recipe = load_recipe(path)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_a_field_added_later_changes_no_earlier_hash() -> None:
    assert not {"init", "faults", "bystanders"} & set(Recipe().to_dict())
    changed = Recipe(init="gpsnet_mobilenet_v2")
    assert changed.to_dict() == Recipe().to_dict() | {"init": "gpsnet_mobilenet_v2"}
    assert Recipe.from_dict(changed.to_dict()) == changed
