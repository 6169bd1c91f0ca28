"""`peopleparse experiment` on drawn people, with networks that learnt nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

torch = pytest.importorskip("torch")

from peopleparse.cli import experiment as command  # noqa: E402
from peopleparse.errors import DataError, InputError, ModelError  # noqa: E402
from peopleparse.experiments import gps_figures  # noqa: E402
from peopleparse.experiments.gps_report import BEGIN, END  # noqa: E402
from peopleparse.experiments.gps_rows import OPTIONS, ROWS, SUBSETS, recipe_of  # noqa: E402
from peopleparse.experiments.ledger import dump  # noqa: E402
from peopleparse.training.checkpoint import save_checkpoint  # noqa: E402
from peopleparse.training.tasks import find_task  # noqa: E402
from tests.datasets import write_ccp_folder  # noqa: E402
from tests.experiments.entries import entry  # noqa: E402
from tests.training.toy_model import make_model  # noqa: E402


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(command.experiment, [str(word) for word in words])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_ccp_folder(root / "ccp", parsed=40, tagged=0, size=(240, 360))
    return root


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of three rows: one that finds people, one baseline, one stopped on its way."""
    out = tmp_path_factory.mktemp("runs")
    for row, step in (("ad_fuse", 500), ("det_par", 500), ("loc", 100)):
        recipe = recipe_of(row, 1)
        fused = row == "ad_fuse"
        torch.manual_seed(0)
        model = make_model() if fused else find_task(recipe.model).build(recipe, None)
        state = {"recipe": json.dumps(recipe.to_dict()), "step": step}
        path = gps_figures.find_checkpoint(out, row, "outdoor", 1)
        save_checkpoint(path, state | {"average": model.state_dict()})
    return out


def draw(figure: str, runs: Path, data: Path, out: Path, *more: str | Path) -> Result:
    place = ("--runs", runs, "--data", data, "--subset", "outdoor", "--images", "0")
    return run("gps-figure", figure, *place, "--out", out, *more)


@pytest.mark.parametrize(
    ("figure", "more", "width"),
    [
        ("6", (), 8 + 2 * 648),
        ("7", (), 8 + 5 * 328),
        ("7", ("--persons",), 8 + 5 * 208),
        ("failures", ("--rows", "det_par"), 8 + 3 * 488),
    ],
)
def test_a_figure_of_one_row(figure, more, width, runs, data, tmp_path):
    out = tmp_path / "deep" / "figure.png"
    result = draw(figure, runs, data, out, *more)
    assert result.exit_code == 0, result.output
    title = "Det.+Par." if more[:1] == ("--rows",) else "Ad. Fuse (GPSNet)"
    assert result.stdout == f"{title}: {out}\n"
    with Image.open(out) as picture:
        assert picture.mode == "RGB" and picture.width == width


def test_figure_8_has_every_row_that_has_a_run(runs, data, tmp_path):
    out = tmp_path / "8.png"
    result = draw("8", runs, data, out)
    assert result.exit_code == 0, result.output
    titles = "Det.+Par., Loc. (step 100 of 500), Ad. Fuse (GPSNet)"
    assert result.stdout == f"{titles}: {out}\n"
    absent = "ins_glo, ad_loc, fuse, ad_fuse_ssl"
    assert result.stderr == f"Without a run of outdoor, seed 1: {absent}.\n"
    with Image.open(out) as picture:
        assert picture.width == 8 + 5 * 328


def test_a_missing_run_is_named_with_the_command_that_trains_it(runs, data, tmp_path):
    for figure, rows, missing in (("8", "loc,fuse", "fuse"), ("7", "fuse", "fuse")):
        result = draw(figure, runs, data, tmp_path / "a.png", "--rows", rows)
        assert isinstance(result.exception, InputError)
        assert f"got none of {missing}, at {runs}" in str(result.exception)
        assert str(result.exception).endswith(
            f"Train what is missing: peopleparse experiment gps-tables --data {data} --out {runs} "
            "--rows fuse --subsets outdoor --seeds 1"
        )
    result = draw("8", runs, data, tmp_path / "a.png", "--seed", "3")
    assert f"got none of {', '.join(ROWS)}, at" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_any_run(runs, data, tmp_path):
    path = gps_figures.find_checkpoint(runs, "ad_fuse", "outdoor", 1)
    words = ("--data", data, "--images", "0", "--out", tmp_path / "a.png")
    result = run("gps-figure", "7", "--checkpoint", path, *words)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("outdoor-ad_fuse-1-")
    result = run("gps-figure", "7", "--checkpoint", tmp_path / "no.pt", *words)
    assert isinstance(result.exception, ModelError)
    assert "checkpoint must be a file, got none, at" in str(result.exception)


def test_figures_see_scenes_as_the_tables_do(runs):
    path = gps_figures.find_checkpoint(runs, "ad_fuse", "outdoor", 1)
    assert gps_figures.load_method(path, "a").options.long_side == OPTIONS.long_side
    assert command._FIGURES == gps_figures.FIGURES
    assert command._NAMES == {"rows": ",".join(ROWS), "subsets": ",".join(SUBSETS)}


def test_figures_refuse_what_they_cannot_show(runs, data, tmp_path):
    out = tmp_path / "a.png"
    result = draw("6", runs, data, out, "--rows", "det_par")
    assert "model must be a GPSNet for figure 6, got DetPar." in str(result.exception)
    result = draw("7", runs, data, out, "--rows", "loc")
    assert "model must fuse local with global parsing" in str(result.exception)
    with pytest.raises(InputError, match="image must be from 0 to 432, the test scenes of outdoor"):
        gps_figures.make_test_scenes(data / "ccp", "outdoor", [0, 433])
    result = draw("7", runs, tmp_path, out)
    assert isinstance(result.exception, DataError)


def test_usage_of_figures(runs, data, tmp_path):
    out = tmp_path / "a.png"
    faults = {
        ("9",): "'9' is not one of",
        ("6", "--rows", "loc,fuse"): "rows must be one for figure 6, got 2. Draw one after",
        ("6", "--rows", "lok"): "rows must be names from det_par, ins_glo",
        ("8", "--images", "a"): "images must be whole numbers with commas between, got 'a'.",
        ("8", "--checkpoint", "last.pt"): "one of --runs and --checkpoint must be given",
    }
    for (figure, *more), text in faults.items():
        result = draw(figure, runs, data, out, *more)
        assert result.exit_code == 2 and text in result.stderr, result.stderr
    result = draw("8", runs, data, tmp_path / "a.jpg")
    assert result.exit_code == 2 and "--out must end in .png, got" in result.stderr
    words = ("--data", data, "--out", out)
    result = run("gps-figure", "6", *words)
    assert result.exit_code == 2 and "one of --runs and --checkpoint must be" in result.stderr
    result = run("gps-figure", "8", "--checkpoint", "last.pt", *words)
    assert result.exit_code == 2 and "--checkpoint must be without --rows" in result.stderr


def test_tables_of_a_ledger_are_printed(tmp_path):
    path = tmp_path / "ledger.jsonl"
    old = entry("fuse", 1, 0.5) | {"recipe": "old"}
    path.write_text(dump([entry("loc", 1, 0.5), entry("loc", 2, 0.25), old]))
    words = ("--rows", "loc", "--subsets", "indoor", "--seeds", "1,2,3")
    named = run("gps-tables", "--ledger", path, *words)
    assert named.exit_code == 0, named.output
    assert "37.50 ± 17.68" in named.stdout and "`strict`, in per cent:" in named.stdout
    assert named.stdout.endswith(
        "Missing: 1 of 3 runs. indoor Loc. (seed 3).\nEntries of other recipes, left out: 1.\n"
    )
    assert "Outdoor" not in named.stdout
    assert run("gps-tables", "--print-only", "--out", tmp_path, *words).stdout == named.stdout
    empty = run("gps-tables", "--print-only", "--out", tmp_path / "none")
    assert empty.exit_code == 0 and "Missing: 42 of 42 runs." in empty.stdout


def test_tables_are_written_into_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger = tmp_path / command._LEDGER
    result = run("gps-tables", "--write-docs")
    assert "ledger must be a file, got none, at benchmarks" in str(result.exception)
    ledger.parent.mkdir(parents=True)
    ledger.write_text(dump([entry("loc", 1, 0.5)]))
    assert "page must be a file, got none, at docs" in str(
        run("gps-tables", "--write-docs").exception
    )
    page = tmp_path / command._PAGE
    page.parent.mkdir()
    page.write_text(f"{BEGIN}\n{END}\n")
    result = run("gps-tables", "--write-docs")
    assert result.stdout.startswith("docs/gps_experiments.md: Missing: 41 of 42 runs. indoor Det")
    assert "| Loc. " in page.read_text()


def test_usage_of_tables(tmp_path):
    faults = {
        (): "--data must be given to train, got none.",
        ("--rows", "lok"): "rows must be names from det_par",
        ("--subsets", "beach"): "subsets must be names from indoor, outdoor, got 'beach'.",
        ("--seeds", "1,x"): "seeds must be whole numbers with commas between, got 'x'.",
    }
    for words, text in faults.items():
        result = run("gps-tables", "--out", tmp_path / "out", *words)
        assert result.exit_code == 2 and text in result.stderr, result.stderr
    assert list(tmp_path.iterdir()) == []
    result = run("gps-tables", "--ledger", tmp_path / "no.jsonl")
    assert "ledger must be a file, got none, at" in str(result.exception)


def test_tables_train_what_is_missing(data, tmp_path, monkeypatch):
    asked = []

    def run_missing(bench, rows, subsets, seeds, say):
        asked.append((bench.data, bench.ledger, bench.workers, rows, subsets, seeds))
        return len(asked) == 1

    monkeypatch.setattr("peopleparse.experiments.gps_tables.run_missing", run_missing)
    words = ("gps-tables", "--data", data, "--out", tmp_path, "--rows", "loc,fuse", "--seeds", "4")
    done = run(*words, "--workers", "0")
    assert done.exit_code == 0, done.output
    assert "No run yet." in done.stdout
    ledger = tmp_path / "ledger.jsonl"
    assert asked == [(data, ledger, 0, ["loc", "fuse"], ["indoor", "outdoor"], [4])]
    assert run(*words).exit_code == 1  # stopped
