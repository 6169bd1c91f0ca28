"""benchmarks/startup.py: processes, targets and table; never a real measurement."""

from __future__ import annotations

import pytest

from benchmarks import startup
from benchmarks.harness import BenchmarkError
from benchmarks.photo_scene import make_photo
from benchmarks.startup import BARE, IMPORT, PARSE

MACHINE = {"cpu": "Chip", "cores": 2, "system": "Linux", "python": "3", "load_before": 0.0}


def make_result(parse=1.0, added=0.1, quick=False):
    seconds = {BARE: [0.02, 0.02], IMPORT: [0.02 + added] * 2, PARSE: [parse] * 2}
    result = {"quick": quick, "written": "2025-01-01T00:00:00+00:00", "seed": 0, "repetitions": 2}
    result["photo"] = {"kind": "drawn scene", "width": 640, "height": 480, "persons": 5}
    return result | {"machine": MACHINE | {"quiet": True}} | startup.summarize(seconds)


def test_targets_are_of_the_command_and_of_what_the_import_adds():
    targets = make_result()["targets"]
    assert targets["parse"]["median"] == 1.0 and targets["parse"]["met"]
    assert targets["import"]["median"] == pytest.approx(0.1) and targets["import"]["met"]
    targets = make_result(parse=1.6, added=0.2)["targets"]
    assert not targets["parse"]["met"] and not targets["import"]["met"]


def test_the_table_holds_ratios_and_the_text_milliseconds():
    text = startup.startup_table(make_result())
    assert "| `peopleparse parse PHOTO` | 50.0 (50.0 to 50.0) |" in text
    assert "at most 1.5 s (met: 1.00 s here)" in text
    assert "at most 150 ms more than Python alone (met: 100 ms here)" in text
    assert "(NOT met: 1.60 s here)" in startup.startup_table(make_result(parse=1.6))
    line = startup.headline(make_result(quick=True))
    assert line.startswith("SMOKE TEST") and "pass: 20 ms (20 to 20)" in line


def test_processes_take_turns_and_the_first_round_is_not_counted():
    found = startup.measure_processes(["import json"], make_photo(None, 0), repetitions=1)
    assert list(found) == [BARE, "import json", PARSE]
    assert all(len(seconds) == 1 and seconds[0] > 0 for seconds in found.values())


def test_a_process_that_fails_or_writes_nothing_is_refused(monkeypatch):
    with pytest.raises(BenchmarkError, match="'python -c import absent_module' must run, got 'Mod"):
        startup.time_process(["-c", "import absent_module"])
    monkeypatch.setattr(startup, "time_process", lambda words: 1.0)
    with pytest.raises(
        BenchmarkError, match="'peopleparse parse PHOTO' must write a result, got n"
    ):
        startup.measure_processes([], make_photo(None, 0), repetitions=1)


def test_the_command_refuses_no_turns(capsys):
    with pytest.raises(SystemExit):
        startup.main(["--repetitions", "0"])
    assert "--repetitions must be at least 1" in capsys.readouterr().err
