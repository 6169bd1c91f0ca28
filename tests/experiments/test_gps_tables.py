"""The table experiment on drawn scenes: batches that repeat, rows, scores, table."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from peopleparse.data.gps_like import SceneName, StandIn  # noqa: E402
from peopleparse.experiments import gps_tables  # noqa: E402
from peopleparse.experiments.gps_report import format_table  # noqa: E402
from peopleparse.experiments.gps_rows import ROWS, recipe_of  # noqa: E402
from peopleparse.experiments.gps_tables import Bench, run_missing, score  # noqa: E402
from peopleparse.experiments.ledger import read_ledger  # noqa: E402
from peopleparse.experiments.packed_scenes import pack_scenes  # noqa: E402
from peopleparse.experiments.runs import hash_recipe  # noqa: E402
from peopleparse.experiments.scene_batches import SceneBatches  # noqa: E402
from peopleparse.structures import ParsedPeople  # noqa: E402
from tests.datasets import write_ccp_folder  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_ccp_folder(root / "ccp", parsed=40, tagged=0, size=(240, 360))
    return root


@pytest.fixture(scope="module")
def scenes(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    made = []

    def maker():
        made.append(1)
        return StandIn(data / "ccp", ("train", "val"))

    first = pack_scenes(maker, folder, "indoor", "train", (96, 128), 0.002)
    again = pack_scenes(maker, folder, "indoor", "train", (96, 128), 0.002)
    assert len(first) == 3 and made == [1]
    assert np.array_equal(first.images, again.images)
    return first


def test_packed_scenes_keep_persons_and_ignored_pixels(scenes):
    assert scenes.images.shape == (3, 96, 128, 3) and scenes.owners.dtype == np.int8
    assert scenes.owners.max() >= 1 and scenes.owners.min() >= -1
    assert not scenes.parsings[(scenes.owners == 0) & (scenes.parsings != 255)].any()


def test_batches_repeat_and_see_every_scene_in_turn(scenes):
    recipe = replace(recipe_of("loc", 1), batch=3, steps=4)
    batches = SceneBatches(recipe, scenes)
    first, again = batches[1], SceneBatches(recipe, scenes)[1]
    assert torch.equal(first.image, again.image) and torch.equal(first.owners, again.owners)
    assert first.image.shape == (3, 3, 192, 256) and len(batches) == 4
    assert not torch.equal(first.image, batches[2].image)
    for turn in range(3):
        assert sorted(batches._draw(3 * turn + n) for n in range(3)) == [0, 1, 2]
    shares = batches.frequencies()
    assert shares.shape == (20,) and shares[0] == 0.5 and abs(float(shares.sum()) - 1) < 1e-6


def test_rows_differ_in_what_they_are_named_for():
    recipes = {row: recipe_of(row, 1) for row in ROWS}
    assert len({hash_recipe(recipe) for recipe in recipes.values()}) == len(ROWS)
    assert hash_recipe(recipes["loc"]) == hash_recipe(recipe_of("loc", 1))
    shared = {(r.steps, r.batch, r.phases, r.lr, r.start, r.rois) for r in recipes.values()}
    assert len(shared) == 1
    assert [(recipes[row].adjust, recipes[row].fuse) for row in ("loc", "ad_loc", "fuse")] == [
        (False, False),
        (True, False),
        (False, True),
    ]


def test_truth_itself_scores_one(data):
    maker = StandIn(data / "ccp", ("test",))
    made = {"indoor": maker.make(SceneName("indoor", "test", 0))}
    scene = made["indoor"]

    def parse(image):
        parsing, instances, _ = scene.annotation.flatten()
        known = np.where(parsing == 255, 0, parsing).astype(np.uint8)
        return ParsedPeople.from_maps(known, instances)

    found = score([scene], parse)
    assert found["strict"]["average"] == found["literal"]["average"] == 1.0
    assert found["mask_recall_50"] == 1.0


def test_missing_runs_are_made_once(data, tmp_path, monkeypatch):
    short = {"steps": 2, "batch": 2, "start": "", "bfloat16": False, "rois": 2}
    monkeypatch.setattr(gps_tables, "recipe_of", lambda r, s: replace(recipe_of(r, s), **short))
    monkeypatch.setattr(gps_tables, "TEST_SHARE", 0.002)
    monkeypatch.setattr(gps_tables, "TRAIN_SHARE", 0.002)
    said: list[str] = []
    bench = Bench(data, tmp_path, workers=0)
    assert run_missing(bench, ["loc", "ad_fuse_ssl"], ["outdoor"], [3], said.append)
    assert len(said) == 2 and said[0].startswith("outdoor loc seed 3: average AP literal")
    entries = read_ledger(bench.ledger)
    assert run_missing(bench, ["loc"], ["outdoor"], [3], said.append) and len(said) == 2
    table = format_table(entries.values(), "outdoor")
    cells = [cell.strip() for cell in table.splitlines()[4].split("|")]
    assert cells[1:3] == ["Loc.", "1"] and cells[-2] == "63.97"
    assert json.dumps(list(entries.values()))
    folders = [path.name for path in (tmp_path / "runs").iterdir()]
    assert len(folders) == 2 and all(name.startswith("outdoor-") for name in folders)
