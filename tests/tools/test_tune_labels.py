"""Tuning labels: what was shifted is found, the score never falls, the export has it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from peopleparse.errors import InputError  # noqa: E402
from peopleparse.inference.passport import read_passport  # noqa: E402
from peopleparse.training.export import as_engine, export_model  # noqa: E402
from peopleparse.training.from_export import load_exported  # noqa: E402
from peopleparse.training.recipe import Recipe  # noqa: E402
from tests.fakes import FakeEngine, draw_people, see_labels  # noqa: E402
from tests.training.toy_model import make_model  # noqa: E402
from tools import tune_labels as tune_module  # noqa: E402
from tools.tune_labels import (  # noqa: E402
    MOST,
    Cells,
    find_constants,
    join_cells,
    main,
    see_people,
    split_rois,
)


def draw_cells(seed: int, count: int = 400, labels: int = 5, shift=0.0, people: int = 3) -> Cells:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, labels, count)
    logits = rng.normal(0, 1, (labels, count)) + 2 * np.eye(labels)[:, truth]
    logits += np.broadcast_to(shift, labels)[:, None]
    return Cells(
        logits.astype(np.float32),
        truth,
        rng.uniform(0.5, 2, count),
        rng.permutation(np.arange(count) % people),
        rng.normal(6, 1, (people, labels)).astype(np.float32),
    )


def slow_iou(triples, labels: int) -> float:
    found = []
    for label in range(labels):
        common = sum(w for t, s, w in triples if t == label == s)
        union = sum(w for t, s, w in triples if label in (t, s))
        if union:
            found.append(common / union)
    return sum(found) / len(found)


def slow_score(cells: Cells, constants, factor: float) -> float:
    labels, triples = len(constants), []
    for cell, person in enumerate(cells.whose):
        there = [1.0, *(1 / (1 + np.exp(-factor * p)) for p in cells.presence[person, 1:])]
        shown = int(np.argmax(cells.logits[:, cell] + np.log(there) + constants))
        triples.append((person, (int(cells.truth[cell]), shown, cells.weight[cell])))
    own = [
        slow_iou([triple for who, triple in triples if who == person], labels)
        for person in range(len(cells.presence))
    ]
    return (slow_iou([triple for _, triple in triples], labels) + sum(own) / len(own)) / 2


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(6, 60), st.integers(2, 6), st.floats(0.5, 4))
def test_the_score_against_a_loop(seed, count, labels, factor):
    cells = replace(draw_cells(seed, count, labels), presence=draw_presence(seed, labels))
    constants = np.random.default_rng(seed).normal(0, 1, labels).astype(np.float32)
    wanted = slow_score(cells, constants, factor)
    assert cells.score(constants, factor) == pytest.approx(wanted, rel=1e-6)


def draw_presence(seed: int, labels: int):
    return np.random.default_rng(seed).normal(0, 3, (3, labels)).astype(np.float32)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32))
def test_the_score_never_falls_and_constants_stay_small(seed):
    cells = draw_cells(seed, 80)
    best, constants = find_constants([cells], 1.0)
    assert best == cells.score(constants, 1.0) >= cells.score(0 * constants, 1.0)
    assert constants[0] == 0 and np.abs(constants).max() <= MOST


def test_what_was_shifted_is_shifted_back():
    shift = np.array([0, 1.2, 0, -1.2, 0], np.float32)
    cells = draw_cells(1, 6000, shift=shift)
    best, constants = find_constants([cells, draw_cells(2, 6000, shift=shift)], 1.0)
    np.testing.assert_allclose(constants, -shift, atol=0.45)
    assert best > cells.score(0 * constants, 1.0) + 0.05


def see_alone(image, parsing, box):
    return see_people(FakeEngine(), whole, image, parsing[None], np.array([box], np.float32))


def whole(*people):
    """All labels are there."""
    logits = FakeEngine().rois(*people)
    return logits, np.full(logits.shape[:2], 9, np.float32)


def test_cells_have_the_truth_that_lies_there():
    image = draw_people((240, 320), [(100, 20, 180, 220)])
    parsing = see_labels(image)
    parsing[20:40, 100:180] = 255  # unknown: left out
    (cells,) = see_alone(image, parsing, (100, 20, 180, 220))
    assert cells.logits.shape == (20, len(cells.truth)) and len(cells.truth) < 16 * 16
    # The fake network sees the truth: cells agree but for seams.
    assert (cells.logits.argmax(axis=0) == cells.truth).mean() > 0.9
    area = 1.1 * 80 * 1.1 * 200 * len(cells.truth) / 16**2
    assert cells.weight.sum() == pytest.approx(area, rel=0.1)
    assert see_alone(np.full_like(image, 90), parsing, (100, 20, 180, 220)) == []


def test_where_somebody_else_is_no_cell_counts():
    box = (60, 20, 140, 220)
    image = draw_people((240, 320), [box])
    own = see_labels(image)
    own[100:160, 80:120] = 0
    (alone,) = see_alone(image, own, box)
    other = np.zeros_like(own)
    other[100:160, 80:120] = 5
    boxes = np.array([box, (200, 0, 210, 10)], np.float32)
    (both,) = see_people(FakeEngine(), whole, image, np.stack([own, other]), boxes)
    hole = 0.5 * 0.3 / 1.1**2  # of the cells
    assert len(both.truth) == pytest.approx((1 - hole) * len(alone.truth), rel=0.05)
    assert (both.truth > 0).sum() == (alone.truth > 0).sum()


def test_people_of_many_photos_stay_apart():
    joined = join_cells([draw_cells(1, 9, people=3), draw_cells(2, 4, people=2)])
    assert joined.presence.shape == (5, 5) and joined.logits.shape == (5, 13)
    assert sorted(set(joined.whose[:9].tolist())) == [0, 1, 2]
    assert sorted(set(joined.whose[9:].tolist())) == [3, 4]


def test_presence_and_map_are_split_and_go_together_again():
    model = make_model(1, presence=True)
    image = draw_people((64, 96), [(10, 4, 40, 60)])
    engine = as_engine(model)
    trunk = engine.trunk(image)
    box = np.array([[8, 2, 42, 62]], np.float32)
    people = box, np.zeros_like(box), np.zeros(1, bool)
    logits, presence = split_rois(model)(trunk, *people)
    added = -np.logaddexp(0, -presence)
    added[:, 0] = 0
    wanted = engine.rois(trunk, *people)
    np.testing.assert_allclose(logits + added[:, :, None, None], wanted, atol=1e-4)
    _, sure = split_rois(make_model(1))(trunk, *people)
    assert (sure > 30).all()


def test_the_export_is_tuned_and_the_passport_says_so(tmp_path, monkeypatch, capsys):
    recipe = Recipe(presence=True).to_dict()
    fields = {"recipe": recipe, "licence": "x", "scores": {"old": 1}}
    path = export_model(make_model(1, presence=True), tmp_path / "model", "toy", fields)
    shift = np.zeros(20, np.float32)
    shift[4] = 0.9
    cells = draw_cells(1, 2000, 20, shift)
    monkeypatch.setattr(tune_module, "read_sets", lambda *args: [cells])
    monkeypatch.setattr(tune_module, "FACTORS", (2.0,))
    assert main(["data", str(path), str(tmp_path / "out")]) == 0
    assert "presence times 2: " in capsys.readouterr().out
    written = json.loads((tmp_path / "out" / "toy.json").read_text())
    assert written["licence"] == "x" and "scores" not in written
    constants = written["tuned"]["constants"]
    assert written["tuned"]["presence_factor"] == 2 and constants["upper clothes"] < -0.5
    one, other = (load_exported(read_passport(p)) for p in (path, tmp_path / "out" / "toy.json"))
    found = (other.fusion[-1].bias - one.fusion[-1].bias).detach().numpy()
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert found[4] == pytest.approx(constants["upper clothes"], abs=0.006)
    for name in ("labels", "seen"):
        weights = [getattr(model.presence, name).weight for model in (one, other)]
        torch.testing.assert_close(weights[1], 2 * weights[0])


def test_a_network_without_fusion_is_refused():
    with pytest.raises(InputError, match="network must fuse local and global parsing"):
        tune_module.tune_labels(make_model(1, fuse=False), np.zeros(20, np.float32), 1.0)
