"""The benchmark of uploads runs, counts what was kept, and refuses what was not."""

from __future__ import annotations

from pathlib import Path

from benchmarks import server_uploads


def test_a_small_run(tmp_path: Path) -> None:
    found = server_uploads.measure(uploads=3, size=5000, parallel=2, home=tmp_path)
    assert found["uploads"] == 3 and found["a_minute"] > 0
    assert found["web_bytes_peak"] >= found["web_bytes_idle"] > 0
    assert found["seconds_each"]["low"] <= found["seconds_each"]["median"]
