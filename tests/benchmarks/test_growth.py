"""benchmarks/growth.py: lines, exponents, table and figure; never a real measurement."""

from __future__ import annotations

import doctest

import pytest

from benchmarks import growth, growth_folder, growth_report
from benchmarks.harness import BenchmarkError
from benchmarks.photo_scene import make_photo
from peopleparse import Parser
from tests.fakes import FakeEngine

MACHINE = {"cpu": "Chip", "cores": 2, "system": "Linux", "python": "3", "load_before": 0.0}


def make_line(points, power, done=None):
    values = {}
    for point in points:
        seconds = 0.01 * point**power
        spread = {"median": seconds, "low": 0.9 * seconds, "high": 1.2 * seconds}
        values[f"{point:g}"] = {
            "seconds": spread, "peak_bytes": 2e8 + 1e6 * point, "done": done or int(point)
        }  # fmt: skip
    return growth.summarize(values)


def make_result(quick=False):
    lines = {
        "megapixels": make_line((0.1, 1, 24), 0.5, done=5),
        "persons": make_line((1, 10, 100), 0.7),
        "photos": make_line((1, 20, 500), 1.0),
    }
    result = {"quick": quick, "written": "2025-01-01T00:00:00+00:00", "seed": 0, "drawn": True}
    result |= {"persons": 5, "crowd": [960, 1280], "machine": MACHINE | {"quiet": True}}
    return result | {"lines": lines}


def test_exponents_are_those_of_the_powers():
    assert doctest.testmod(growth).failed == 0
    lines = make_result()["lines"]
    assert [round(line["exponent"], 6) for line in lines.values()] == [0.5, 0.7, 1.0]
    bent = {name: {"seconds": {"median": s}} for name, s in {"1": 1, "10": 1, "100": 10}.items()}
    found = growth.summarize(bent)
    assert found["exponent"] == pytest.approx(0.5)
    assert found["exponent_at_end"] == pytest.approx(1)


def test_the_table_holds_ratios_memory_and_exponents():
    text = growth_report.growth_table(make_result())
    assert (
        "| photos in a folder | 1 | 20 | 500 |" in text
        and "| time, first = 1 | 1 | 20 | 500 |" in text
    )
    assert "| peak memory | 201 MB | 220 MB | 700 MB |" in text
    assert "persons 0.70 (between the last two points 0.70)" in text
    assert "SMOKE TEST" in growth_report.growth_table(make_result(quick=True))


def test_the_figure_is_a_picture_and_always_the_same():
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'peopleparse[demo]'")
    drawn = growth_report.draw_growth(make_result())
    assert drawn.startswith(b"\x89PNG") and drawn == growth_report.draw_growth(make_result())


def test_a_point_that_did_other_work_is_refused():
    lines = make_result()["lines"]
    growth.check_done(lines)
    lines["persons"]["points"]["10"]["done"] = 9
    with pytest.raises(BenchmarkError, match="persons 10 must give 10, got 9. Choose another"):
        growth.check_done(lines)


def test_photos_of_each_line_are_written(tmp_path):
    lines = growth.write_photos(growth.read_options(["--quick"]), tmp_path)
    assert {axis: list(points) for axis, points in lines.items()} == {
        "megapixels": [0.1, 1], "persons": [1, 20], "photos": [1, 3]
    }  # fmt: skip
    assert len(lines["persons"][20][1]["boxes"]) == 20
    assert len(list((tmp_path / "photos").iterdir())) == 8


def test_a_folder_is_parsed_whole(tmp_path):
    for number in range(2):
        (tmp_path / f"{number}.jpg").write_bytes(make_photo(None, number).jpeg)
    side = growth_folder.Side(Parser(engine=FakeEngine()), tmp_path, 3)
    assert side.photo()["written"] == 3 and side.end()["peak_bytes"] != 0
    assert side.photo()["written"] == 3
    (tmp_path / "1.jpg").write_bytes(b"none")
    with pytest.raises(ValueError, match="photo must be an image"):
        side.photo()


def test_the_command_refuses_no_turns(capsys):
    with pytest.raises(SystemExit):
        growth.main(["--repetitions", "0"])
    assert "--repetitions must be at least 1" in capsys.readouterr().err
