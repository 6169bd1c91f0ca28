"""benchmarks/report.py and command.py: pages, result files, errors in one line."""

from __future__ import annotations

import json

import pytest

from benchmarks import report
from benchmarks.command import add_output_options, add_photo_options, make_parser, run_command
from benchmarks.harness import RESULTS, BenchmarkError, describe_machine
from peopleparse.errors import InputError


def make_result(**changes):
    result = report.begin_result("some", False, describe_machine(), seed=3)
    return result | changes


def test_tables_are_written_between_their_markers(tmp_path, capsys):
    tables = {"a": lambda result: f"value {result['value']} \\1", "b": "json:dumps"}
    page = tmp_path / "page.md"
    page.write_text(
        "1\n<!-- a:begin -->\nold\n<!-- a:end -->\n2\n<!-- b:begin -->\n<!-- b:end -->\n"
    )
    report.write_docs(page, tmp_path, tables)
    assert page.read_text().count("No result yet") == 2 and "old" not in page.read_text()
    (tmp_path / "a.json").write_text(json.dumps({"quick": False, "value": 7}))
    (tmp_path / "b.json").write_text(json.dumps({"quick": False}))
    for _ in range(2):
        report.write_docs(page, tmp_path, tables)
        filled = page.read_text()
        assert filled.startswith("1\n<!-- a:begin -->\nvalue 7 \\1\n<!-- a:end -->\n2\n")
        assert filled.endswith('<!-- b:begin -->\n{"quick": false}\n<!-- b:end -->\n')
    assert "Wrote the tables of" in capsys.readouterr().out


def test_what_no_page_is_made_of(tmp_path):
    tables = {"a": lambda result: "text"}
    for text in ("", "<!-- a:end --><!-- a:begin -->", "<!-- a:begin -->" * 2 + "<!-- a:end -->"):
        with pytest.raises(BenchmarkError, match="the page must hold '<!-- a:begin -->' and then "):
            report.fill_page(text, tmp_path, tables)
    (tmp_path / "a.json").write_text(json.dumps({"quick": True}))
    with pytest.raises(BenchmarkError, match="must be of a whole run, got one of --quick, at .*"):
        report.fill_page("<!-- a:begin --><!-- a:end -->", tmp_path, tables)


def test_the_page_shows_the_results_that_are_committed():
    text = report.PAGE.read_text(encoding="utf-8")
    filled = report.fill_page(text, RESULTS, report.TABLES)
    assert filled == text, "run any benchmark of the page with --write-docs"


def test_a_smoke_test_writes_nothing_unless_it_is_told_where(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    report.keep_result(make_result(quick=True), "text")
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().out == "text\n"
    report.keep_result(make_result(quick=True), "text", tmp_path / "own.json")
    report.keep_result(make_result(), "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.json", "some.json"]
    kept = json.loads((tmp_path / "some.json").read_text())
    assert (kept["benchmark"], kept["seed"]) == ("some", 3) and kept["machine"]["cpu"]


def test_a_busy_machine_is_named():
    machine = {"cpu": "Chip", "cores": 2, "system": "Linux", "python": "3"}
    quiet = make_result(machine=machine | {"load_before": 0.1, "quiet": True})
    assert report.format_machine(quiet).endswith(
        "Chip, 2 cores, Linux, Python 3, load 0.10 before the run."
    )
    busy = make_result(machine=machine | {"load_before": None, "quiet": False})
    assert "unknown load" in report.format_machine(busy)
    assert "run it again" in report.format_machine(busy)


@pytest.mark.parametrize("error", [BenchmarkError("what must be"), InputError("what must be")])
def test_a_command_prints_one_line_for_an_error(error, capsys):
    def fail():
        raise error

    assert run_command(fail) == 1 and capsys.readouterr().err == "Error: what must be\n"
    assert run_command(lambda: None) == 0


def test_options_of_every_benchmark(monkeypatch):
    monkeypatch.setenv("PEOPLEPARSE_DATA", "some/folder")
    parser = make_parser("text")
    add_photo_options(parser)
    add_output_options(parser)
    options = parser.parse_args(["--quick", "--seed", "2"])
    assert str(options.data) == "some/folder" and options.quick and options.seed == 2
    assert options.model is None and options.out is None and not options.write_docs
