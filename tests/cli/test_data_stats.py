from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from peopleparse.cli.data import data
from peopleparse.cli.data_stats import name_sets
from peopleparse.data.gps import record_path
from peopleparse.errors import DataError, InputError
from peopleparse.viz import figure_style
from tests.data.label_folders import make_scenes, write_lip
from tests.datasets import write_gps_folder


def _run(*words: str | Path) -> Result:
    return CliRunner().invoke(data, ["stats", *(str(word) for word in words)])


def test_tables_of_two_formats_side_by_side(tmp_path: Path) -> None:
    write_gps_folder(tmp_path / "groups")
    write_lip(tmp_path / "maps", make_scenes(20, (2, 3)))
    result = _run(tmp_path / "groups", tmp_path / "maps")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    for row in (
        ["groups", "5", "10", "20", "✓", "2.00", "±", "1.41"],
        ["maps", "2", "–", "20", "✗", "–"],
        ["groups", "9", "(3)", "1", "(2)", "–", "–", "20"],
        ["hair", "10", "100.0", "%"],
        ["tie", "0", "0.0", "%"],
        ["groups", "160", "160", "160", "96", "96", "96"],
    ):
        assert row in rows


def test_json_of_one_split(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    (found,) = json.loads(_run(tmp_path, "--split", "val", "--json").stdout)["sets"]
    assert (found["name"], found["images"], found["persons"]) == (tmp_path.name, 2, 1)
    assert found["persons_per_image"] == {"0": 1, "1": 1}
    assert found["part_persons"]["face"] == 1
    assert set(found["spreads"]["person_heights"]) == {
        "least", "median", "mean", "deviation", "greatest",
    }  # fmt: skip


def _write(out: Path, *paths: Path) -> dict[str, bytes]:
    result = _run(*paths, "--out", out, "--samples", "2")
    assert result.exit_code == 0, result.output
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_page_figures_and_numbers_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_gps_folder(tmp_path / "groups")
    write_lip(tmp_path / "maps", make_scenes(20, (2, 3)))
    first = _write(tmp_path / "out", tmp_path / "groups", tmp_path / "maps")
    figures = (
        *("persons_per_image", "parts", "sizes", "overlaps", "resolution"),
        *("together_1", "together_2"),
    )
    assert set(first) == {
        "statistics.html", "statistics.json", "table_1.csv",
        *(f"{name}.{kind}" for name in figures for kind in ("svg", "pdf", "png")),
    }  # fmt: skip
    page = first["statistics.html"].decode()
    assert page.count('class="sheet"') == 2 and "2 of 5 images" in page
    lines = first["table_1.csv"].decode().splitlines()
    assert lines[0] == "Dataset,# Image,# Person,# Category,Instance,Persons per image"
    assert lines[1:3] == ["groups,5,10,20,yes,2.00 ± 1.41", "maps,2,,20,no,"]
    assert "LIP (published),50462,,20,no," in lines and len(lines) == 9
    assert [each["name"] for each in json.loads(first["statistics.json"])["sets"]] == [
        "groups",
        "maps",
    ]


def test_the_same_data_set_is_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    maps = write_lip(tmp_path / "maps", make_scenes(5, (2, 3)))
    assert _write(tmp_path / "a", maps) == _write(tmp_path / "b", maps)


def test_a_broken_image_is_left_out_and_named(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_gps_folder(tmp_path / "groups")
    record_path(tmp_path / "groups", "a").write_text("{", encoding="utf-8")
    result = _run(tmp_path / "groups", "--out", tmp_path / "out", "--samples", "5")
    assert result.exit_code == 1
    assert "a.json" in result.stderr and "1 images left out" in result.stderr
    page = (tmp_path / "out" / "statistics.html").read_text(encoding="utf-8")
    assert 'id="left-out"' in page and "4 of 5 images" in page


def test_a_set_of_which_nothing_can_be_read(tmp_path: Path) -> None:
    write_lip(tmp_path, make_scenes(20, (2,)))
    (tmp_path / "0001.png").write_bytes(b"x")
    result = _run(tmp_path)
    assert isinstance(result.exception, DataError) and "0001.png" in str(result.exception)


def test_names_are_as_long_as_they_must_be() -> None:
    paths = [Path("/d/cihp/val"), Path("/d/mhp/val"), Path("/d/lip"), Path("/e/mhp/val")]
    assert name_sets(paths, ()) == ["cihp/val", "d/mhp/val", "lip", "e/mhp/val"]
    assert name_sets(paths[:2], ("a", "b")) == ["a", "b"]
    with pytest.raises(InputError, match="data sets must be given once, got '/d/lip' again"):
        name_sets([Path("/d/lip"), Path("/d/lip")], ())
    for names in (("a",), ("a", "a")):
        with pytest.raises(InputError, match="--name must be given once a data set, each another"):
            name_sets(paths[:2], names)


def test_formats_and_schemes_are_one_for_all_orone_each(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_lip(tmp_path / name, make_scenes(5, (2,)))
    paths = [tmp_path / name for name in ("a", "b", "c")]
    found = json.loads(_run(*paths, "--format", "lip", "--scheme", "ids:5", "--json").stdout)
    assert [each["categories"] for each in found["sets"]] == [5, 5, 5]
    result = _run(*paths, "--scheme", "lip", "--scheme", "gps")
    assert "--scheme must be given once or once a data set, got 2 for 3" in str(result.exception)


def test_what_cannot_be_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_gps_folder(tmp_path / "groups")
    result = _run(tmp_path / "groups", "--split", "tran")
    assert "Did you mean 'train'?" in str(result.exception)
    result = _run(tmp_path / "no")
    assert "labels must be a folder, zip archive or JSON file" in str(result.exception)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    result = _run(tmp_path / "groups", "--out", tmp_path / "full")
    assert "output must be a new or empty folder" in str(result.exception)
    monkeypatch.setattr(figure_style, "find_spec", lambda name: None)
    result = _run(tmp_path / "groups", "--out", tmp_path / "out")
    assert "figures must be drawn with matplotlib" in str(result.exception)
    assert not (tmp_path / "out").exists()
    assert _run().exit_code == 2
