"""The benchmark of scoring runs, small, and its scores equal the offline ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import server_scoring


def test_the_benchmark_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_scoring, "MEAN_PIXELS", 5_000)
    out = tmp_path / "out.json"
    assert server_scoring.main(["--images", "8", "--repetitions", "1", "--out", str(out)]) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["equal_to_offline"] and found["images"] == 8
    assert found["score_seconds"]["median"] > 0
    assert "8 images:" in capsys.readouterr().out
