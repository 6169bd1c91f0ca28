"""`peopleparse experiment lip-tables` and `lip-figure` on drawn people."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")

from peopleparse.cli import experiment_lip as command  # noqa: E402
from peopleparse.cli.experiment import experiment  # noqa: E402
from peopleparse.errors import InputError  # noqa: E402
from peopleparse.experiments import lip_figure, lip_report, lip_tables  # noqa: E402
from peopleparse.experiments.ledger import dump, read_ledger  # noqa: E402
from peopleparse.experiments.lip_report import BEGIN, END  # noqa: E402
from peopleparse.experiments.lip_rows import OTHERS, ROWS, recipe_of  # noqa: E402
from peopleparse.experiments.person_batches import PersonBatches  # noqa: E402
from tests.datasets import write_ccp_folder  # noqa: E402
from tests.experiments.entries import lip_entry  # noqa: E402


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(experiment, [str(word) for word in words])


@pytest.fixture
def short(monkeypatch):
    def make(row, seed):
        changes = {"steps": 2, "batch": 2, "backbone": "", "bfloat16": False}
        return replace(recipe_of(row, seed), **changes)

    for module in (lip_tables, lip_figure, lip_report):
        monkeypatch.setattr(module, "recipe_of", make)


def test_names_are_those_of_the_experiment():
    assert list(ROWS) == list(command._ROWS) and list(OTHERS) == list(command._OTHERS)


def test_stopped_runs_go_on_and_are_drawn(short, tmp_path, monkeypatch):
    data, out = tmp_path / "data", tmp_path / "out"
    write_ccp_folder(data / "ccp", parsed=10, tagged=0)
    words = ("lip-tables", "--data", data, "--out", out, "--seeds", "1", "--workers", "0")
    rows = ("--rows", "segnet,segnet_ssl")
    real = PersonBatches.__getitem__

    def stop(self, step):
        os.kill(os.getpid(), signal.SIGTERM)
        return real(self, step)

    monkeypatch.setattr(PersonBatches, "__getitem__", stop)
    result = run(*words, *rows)
    assert result.exit_code == 1 and "stopped: val segnet seed 1" in result.stdout
    assert "No run yet." in result.stdout and not (out / "ledger.jsonl").exists()
    monkeypatch.setattr(PersonBatches, "__getitem__", real)
    result = run(*words, *rows)
    assert result.exit_code == 0, result.output
    assert "All 2 runs are there." in result.stdout and "| SegNet + SSL " in result.stdout
    assert len(read_ledger(out / "ledger.jsonl")) == 2
    figure = ("lip-figure", "2", "--runs", out, "--data", data, "--row", "segnet_ssl")
    monkeypatch.setattr(lip_figure, "FEWEST", 10**6)
    result = run(*figure, "--out", tmp_path / "a.png")
    assert result.exit_code == 0 and result.stdout.startswith("none found: Of 3 views 0 have ")
    assert not (tmp_path / "a.png").exists()
    monkeypatch.setattr(lip_figure, "FEWEST", -(10**6))
    result = run(*figure, "--stress", "--count", "1", "--out", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "RGB"
    result = run(*figure, "--seed", "7", "--out", tmp_path / "b.png")
    assert isinstance(result.exception, InputError)
    assert str(result.exception).endswith("--rows segnet,segnet_ssl --seeds 7")


def test_tables_are_printed_and_written(tmp_path, monkeypatch):
    ledger, page = tmp_path / "ledger.jsonl", tmp_path / "page.md"
    ledger.write_text(dump([lip_entry("fcn8s", 1, 0.25), lip_entry("fcn8s_ssl", 1, 0.5)]))
    result = run("lip-tables", "--ledger", ledger, "--rows", "fcn8s", "--seeds", "1")
    assert result.exit_code == 0 and "mean IoU +25.00 (better, one seed only)" in result.stdout
    assert "All 1 runs are there." in result.stdout
    result = run("lip-tables", "--print-only", "--out", tmp_path / "none")
    assert result.exit_code == 0 and "No run yet." in result.stdout
    page.write_text(f"{BEGIN}\n{END}\n")
    monkeypatch.setattr(command, "_PAGE", page)
    result = run("lip-tables", "--write-docs", "--ledger", ledger)
    assert result.exit_code == 0 and "Missing: 22 of 24 runs." in result.stdout
    assert "+25.00" in page.read_text()
    result = run("lip-tables", "--ledger", tmp_path / "no.jsonl")
    assert "ledger must be a file, got none, at" in str(result.exception)
    assert "'peopleparse experiment lip-tables'" in str(result.exception)


def test_usage(tmp_path):
    faults = {
        ("lip-tables",): "--data must be given to train, got none. Name the folder.",
        ("lip-tables", "--rows", "fcn"): "rows must be names from segnet, segnet_ssl, fcn8s",
        ("lip-tables", "--seeds", "a"): "seeds must be whole numbers with commas between",
        ("lip-figure", "2", "--runs", "a", "--data", "b", "--out", "c.jpg"): "must end in .png",
        ("lip-figure", "2", "--runs", "a", "--data", "b", "--row", "fcn8s", "--out", "c.png"): (
            "'fcn8s' is not one of"
        ),
    }
    for words, text in faults.items():
        result = run(*words)
        assert result.exit_code == 2 and text in result.stderr, result.output
