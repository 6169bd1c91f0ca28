"""Calibration: a score becomes a probability, and nobody changes rank."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import ModelError
from peopleparse.inference import Options, parse_image
from peopleparse.inference.calibration import Calibration
from peopleparse.inference.passport import read_passport
from tests.fakes import FakeEngine, draw_people

SCORES = st.floats(0, 1)


@given(SCORES, SCORES, st.floats(0.1, 5), st.floats(-5, 5))
def test_ranks_stay_and_results_are_probabilities(one, other, slope, offset):
    calibrate = Calibration(slope, offset)
    assert 0 <= calibrate(one) <= 1
    if one <= other:
        assert calibrate(one) <= calibrate(other)


@given(SCORES)
def test_none_changes_nothing(score):
    assert Calibration()(score) == score


def test_the_formula():
    expected = 1 / (1 + math.exp(-(2 * math.log(0.7 / 0.3) - 1)))
    assert Calibration(2, -1)(0.7) == pytest.approx(expected, rel=1e-12)
    assert Calibration(2, -1)(0) == 0


@given(st.floats(0, 1), st.floats(0.1, 5), st.floats(-5, 5))
def test_the_inverse_finds_the_score(probability, slope, offset):
    calibrate = Calibration(slope, offset)
    score = calibrate.inverse(probability)
    assert 0 <= score <= 1
    if 1e-5 < score < 1 - 1e-5:
        assert calibrate(score) == pytest.approx(probability, rel=1e-6)
    assert Calibration().inverse(probability) == probability


def test_people_have_calibrated_scores_and_the_same_maps():
    image = draw_people((96, 128), [(10, 10, 40, 80), (70, 12, 100, 84)])
    plain, sure = FakeEngine(), FakeEngine()
    sure.calibration = Calibration(0.5, 2.0)
    before, after = (parse_image(engine, image, Options("fast")) for engine in (plain, sure))
    assert np.array_equal(before.parsing, after.parsing) and len(before) == 2
    for old, new in zip(before.people, after.people, strict=True):
        assert new.score == sure.calibration(old.score) != old.score


def write_passport(folder, **more):
    hashes = {f"toy.{part}.onnx": "0" * 64 for part in ("trunk", "rois")}
    path = folder / "toy.json"
    path.write_text(json.dumps({"scheme": "gps", "stride": 16, "sha256": hashes} | more))
    return path


def test_the_passport_carries_it(tmp_path):
    assert read_passport(write_passport(tmp_path)).calibration == Calibration()
    found = Calibration(0.8, 0.3)
    path = write_passport(tmp_path, calibration=found.to_dict())
    assert read_passport(path).calibration == found


@pytest.mark.parametrize(
    "values",
    [{"slope": 1}, {"slope": 0, "offset": 0}, {"slope": "much", "offset": 0}, {"slope": -1.0,
     "offset": 2}, {"slope": 1, "offset": float("nan")}, [1, 0], None],
)  # fmt: skip
def test_a_passport_with_a_broken_one(tmp_path, values):
    with pytest.raises(ModelError, match="passport must be a JSON object.*Export the model again"):
        read_passport(write_passport(tmp_path, calibration=values))
