"""Fitting person scores: the known answer comes back, and the table says what was counted."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("onnxruntime")

from peopleparse.inference.calibration import Calibration  # noqa: E402
from peopleparse.inference.passport import read_passport  # noqa: E402
from peopleparse.metrics.reliability import measure_reliability  # noqa: E402
from tests.inference.test_engines import write_model  # noqa: E402
from tools import calibrate  # noqa: E402
from tools.calibrate import fit_calibration, table_lines  # noqa: E402


def draw(true: Calibration, count: int, seed: int):
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.05, 0.95, count)
    return scores, rng.random(count) < np.array([true(score) for score in scores.tolist()])


@pytest.mark.parametrize("true", [Calibration(0.5, 1.0), Calibration(2.0, -0.5), Calibration()])
def test_what_made_the_data_is_found(true):
    found = fit_calibration(*draw(true, 60_000, 1))
    assert found.slope == pytest.approx(true.slope, rel=0.05)
    assert found.offset == pytest.approx(true.offset, abs=0.05)


def test_a_clean_split_stays_finite():
    found = fit_calibration(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]))
    assert 0 < found.slope < 100 and abs(found.offset) < 100


def test_fit_writes_the_passport_and_says_what_it_did(tmp_path, monkeypatch):
    path = write_model(tmp_path)
    true = Calibration(0.5, 1.0)
    monkeypatch.setattr(
        calibrate, "find_pairs", lambda engine, data, split, scenes: draw(true, 4000, len(split))
    )
    out = tmp_path / "found.json"
    assert calibrate.main(["fit", "data", "--model", str(path), "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    assert read_passport(path).calibration == Calibration.from_dict(found["calibration"])
    assert found["after"]["expected_error"] < 0.03 < 0.1 < found["before"]["expected_error"]
    assert found["weights"] == dict(read_passport(path).sha256)
    text = "\n".join(table_lines(found))
    assert sum(int(row.split(" | ")[1]) for row in text.splitlines() if " to " in row[:8]) == 4000


def test_the_table_leaves_out_empty_tenths():
    one = measure_reliability([0.95, 0.95], [True, False]).to_dict()
    values = {"calibration": {"slope": 1, "offset": 0}, "scenes": 2, "before": one, "after": one}
    rows = [line for line in table_lines(values) if line.startswith("| 9")]
    assert rows == ["| 90 to 100 | 2 | 50 | 2 | 50 |"]
    assert not any(line.startswith("| 10 ") for line in table_lines(values))
