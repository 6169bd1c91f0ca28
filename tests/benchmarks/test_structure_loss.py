"""benchmarks/structure_loss.py: shares, table and refusals; never a real measurement."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")

from benchmarks import structure_loss  # noqa: E402
from benchmarks.harness import RESULTS  # noqa: E402
from benchmarks.structure_loss_report import FORMS, PLAIN, loss_table  # noqa: E402

RESULT = RESULTS / "structure_loss.json"


def make_result(seconds: float = 1.0, **changes):
    """Results of two turns whose network takes 7 and 15 seconds and cross-entropy 1."""
    by_name = {PLAIN: [1.0, 1.0], **{name: [seconds, seconds] for name in FORMS}}
    turns = {"network": [7.0, 15.0], "losses": {"cells": by_name, "pixels": by_name}}
    machine = {"cpu": "Chip", "cores": 2, "system": "Linux", "python": "3", "load_before": None}
    machine["quiet"] = False
    fields = {"quick": False, "repetitions": 2, "threads": 1, "scheme": "lip", "batch": 2}
    fields |= {"side": 321, "grid": [41, 41], "asked": 0.1, "met": False, "machine": machine}
    fields |= {"written": "2025-01-01T00:00:00+00:00", "versions": {"torch": "2"}}
    return fields | {"ratios": structure_loss.summarize(turns)} | changes


def test_shares_and_what_is_added_by_hand():
    found = make_result(seconds=9.0)["ratios"]["cells"]
    assert found[PLAIN]["share"] == {"median": (1 / 8 + 1 / 16) / 2, "low": 1 / 16, "high": 1 / 8}
    assert found["released"]["share"] == {
        "median": (9 / 16 + 9 / 24) / 2,
        "low": 3 / 8,
        "high": 9 / 16,
    }
    assert found["released"]["added"] == {"median": 0.75, "low": 0.5, "high": 1.0}
    assert found[PLAIN]["added"]["high"] == 0


def test_the_table_holds_shares_and_how_it_came_out():
    text = loss_table(make_result())
    assert text.startswith("| share of a training step | on 41 x 41 cells |")
    assert "| cross-entropy | 9.375% (6.250% to 12.500%) |" in text
    assert "(asked: at most 10%): NOT met." in text


def test_the_smoke_test_runs_and_writes_nothing(capsys):
    before = RESULT.read_bytes()
    assert structure_loss.main(["--quick"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("SMOKE TEST") and "Wrote" not in printed
    assert RESULT.read_bytes() == before


def test_the_kept_result_holds_what_was_asked_for():
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    assert not result["quick"] and result["network"] == "deeplab_v2_resnet101"
    assert (result["side"], result["grid"], result["met"]) == (321, [41, 41], True)
    turns = {"network": result["seconds"]["network"]}
    turns["losses"] = {grid: result["seconds"][grid] for grid in ("cells", "pixels")}
    assert structure_loss.summarize(turns) == result["ratios"]
