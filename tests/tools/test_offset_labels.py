"""Offsets of labels: what was shifted is found, the score never falls, the export has them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from peopleparse.errors import InputError  # noqa: E402
from peopleparse.inference.passport import read_passport  # noqa: E402
from peopleparse.training.export import export_model  # noqa: E402
from peopleparse.training.from_export import load_exported  # noqa: E402
from peopleparse.training.recipe import Recipe  # noqa: E402
from tests.fakes import FakeEngine, draw_people, see_labels  # noqa: E402
from tests.training.toy_model import make_model  # noqa: E402
from tools import offset_labels  # noqa: E402
from tools.offset_labels import MOST, Cells, find_offsets, main, see_people  # noqa: E402


def draw_cells(seed: int, count: int = 400, labels: int = 5, shift=0.0) -> Cells:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, labels, count)
    logits = rng.normal(0, 1, (labels, count)) + 2 * np.eye(labels)[:, truth]
    logits += np.broadcast_to(shift, labels)[:, None]
    return Cells(logits.astype(np.float32), truth, rng.uniform(0.5, 2, count))


def slow_mean_iou(cells: Cells, offsets) -> float:
    shown = [int(np.argmax(column + offsets)) for column in cells.logits.T]
    found = []
    for label in range(len(offsets)):
        pairs = list(zip(cells.truth, shown, cells.weight, strict=True))
        common = sum(w for t, s, w in pairs if t == label == s)
        union = sum(w for t, s, w in pairs if label in (t, s))
        if union:
            found.append(common / union)
    return sum(found) / len(found)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(2, 6))
def test_mean_iou_against_a_loop(seed, count, labels):
    cells = draw_cells(seed, count, labels)
    offsets = np.random.default_rng(seed).normal(0, 1, labels).astype(np.float32)
    assert cells.mean_iou(offsets) == pytest.approx(slow_mean_iou(cells, offsets), rel=1e-9)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32))
def test_the_score_never_falls_and_offsets_stay_small(seed):
    cells = draw_cells(seed, 80)
    offsets = find_offsets([cells])
    assert cells.mean_iou(offsets) >= cells.mean_iou(0 * offsets)
    assert offsets[0] == 0 and np.abs(offsets).max() <= MOST


def test_what_was_shifted_is_shifted_back():
    shift = np.array([0, 1.2, 0, -1.2, 0], np.float32)
    cells = draw_cells(1, 6000, shift=shift)
    offsets = find_offsets([cells, draw_cells(2, 6000, shift=shift)])
    np.testing.assert_allclose(offsets, -shift, atol=0.35)
    assert cells.mean_iou(offsets) > cells.mean_iou(0 * offsets) + 0.05


def test_cells_have_the_truth_that_lies_there():
    image = draw_people((240, 320), [(100, 20, 180, 220)])
    parsing = see_labels(image)
    parsing[20:40, 100:180] = 255  # unknown: left out
    box = np.array([100, 20, 180, 220], np.float32)
    (cells,) = see_people(FakeEngine(), image, parsing[None], box[None])
    assert cells.logits.shape == (20, len(cells.truth)) and len(cells.truth) < 32 * 32
    # The fake network sees the truth: cells agree but for seams.
    assert (cells.logits.argmax(axis=0) == cells.truth).mean() > 0.9
    area = 1.1 * 80 * 1.1 * 200 * len(cells.truth) / 32**2
    assert cells.weight.sum() == pytest.approx(area, rel=0.1)
    assert see_people(FakeEngine(), np.full_like(image, 90), parsing[None], box[None]) == []


def test_where_somebody_else_is_no_cell_counts():
    boxes = [(60, 20, 140, 220), (150, 30, 230, 225)]
    image = draw_people((240, 320), boxes)
    alone = [see_labels(draw_people((240, 320), [box])) for box in boxes]
    wide = np.array([[60, 20, 200, 220]], np.float32)  # reaches into the other
    (once,) = see_people(FakeEngine(), image, alone[0][None], wide)
    both = see_people(FakeEngine(), image, np.stack(alone), np.array(boxes, np.float32))
    assert len(both) == 2 and all((cells.truth > 0).any() for cells in both)
    shifted = np.stack([alone[0], np.roll(alone[1], -40, axis=1)])
    shifted[1][shifted[0] > 0] = 0
    near = see_people(FakeEngine(), image, shifted, np.array(boxes, np.float32))
    assert len(near[0].truth) < len(once.truth), "there, the other's cells are background"


def test_the_export_has_the_offsets_and_the_passport_says_so(tmp_path, monkeypatch, capsys):
    recipe = Recipe(presence=True).to_dict()
    fields = {"recipe": recipe, "licence": "x", "scores": {"old": 1}}
    model = make_model(1, presence=True)
    path = export_model(model, tmp_path / "model", "toy", fields)
    shift = np.zeros(20, np.float32)
    shift[4] = 0.9
    cells = draw_cells(1, 2000, 20, shift)
    monkeypatch.setattr(offset_labels, "read_sets", lambda *args: [cells])
    assert main(["data", str(path), str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith("mean IoU of cells of photos and scenes: ")
    written = json.loads((tmp_path / "out" / "toy.json").read_text())
    assert written["licence"] == "x" and "scores" not in written
    assert written["label_offsets"]["upper clothes"] < -0.5
    one, other = (load_exported(read_passport(p)) for p in (path, tmp_path / "out" / "toy.json"))
    found = (other.fusion[-1].bias - one.fusion[-1].bias).detach().numpy()
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert found[4] == pytest.approx(written["label_offsets"]["upper clothes"], abs=0.006)


def test_a_network_without_fusion_is_refused():
    with pytest.raises(InputError, match="network must fuse local and global parsing"):
        offset_labels.shift_labels(make_model(1, fuse=False), np.zeros(20, np.float32))
