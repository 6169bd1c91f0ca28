"""`peopleparse experiment`: tables and figures of the papers, trained and scored again."""

from __future__ import annotations

from pathlib import Path

import click

from peopleparse.cli.experiment_lip import lip_figure, lip_tables
from peopleparse.cli.experiment_words import (
    check_ledger,
    check_png,
    choose_names,
    need_data,
    need_torch,
    read_numbers,
)

_NAMES = {
    "rows": "det_par,ins_glo,loc,ad_loc,fuse,ad_fuse,ad_fuse_ssl",
    "subsets": "indoor,outdoor",
}
_FIGURES = ("6", "7", "8", "failures")
_OUT = Path("runs/gps_tables")
_LEDGER = Path("benchmarks/results/gps_tables.jsonl")
_PAGE = Path("docs/gps_experiments.md")
_DIR = click.Path(path_type=Path)


@click.group()
def experiment() -> None:
    """Train and score what a paper compares; needs peopleparse[train]."""


@experiment.command("gps-tables")
@click.option("--data", type=_DIR, metavar="DIR", help="Folder that holds ccp/ (see docs/data.md).")
@click.option(
    "--out", type=_DIR, default=_OUT, show_default=True,
    help="Ledger, runs and composed scenes; what is there is not made again.",
)  # fmt: skip
@click.option("--rows", default=_NAMES["rows"], show_default=True, help="Methods.")
@click.option("--subsets", default=_NAMES["subsets"], show_default=True)
@click.option("--seeds", default="1,2,3", show_default=True)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("--print-only", is_flag=True, help="Print the tables of the ledger; train nothing.")
@click.option(
    "--ledger", type=_DIR, metavar="FILE",
    help="Print the tables of this ledger, not of the one in --out; train nothing.",
)  # fmt: skip
@click.option(
    "--write-docs", is_flag=True,
    help=f"Write the tables of --ledger [default: {_LEDGER}] into {_PAGE}; train nothing.",
)  # fmt: skip
def gps_tables(
    data: Path | None,
    out: Path,
    rows: str,
    subsets: str,
    seeds: str,
    workers: int,
    print_only: bool,
    ledger: Path | None,
    write_docs: bool,
) -> None:
    """Tables 2 and 3 of the GPS paper on the stand-in sets, with mean and spread over seeds.

    Every run that is missing is trained and scored; started again, it goes on where it stopped.
    """
    if write_docs:
        _write_docs(ledger or _LEDGER)
        return
    chosen = {name: _choose(text, name) for name, text in (("rows", rows), ("subsets", subsets))}
    numbers = read_numbers(seeds, "seeds")
    path = ledger or out / "ledger.jsonl"
    complete = True
    if ledger is not None:
        check_ledger(ledger, "gps-tables")
    elif not print_only:
        complete = _train(data, out, workers, chosen, numbers)
    _print_tables(path, chosen, numbers)
    if not complete:
        raise click.Abort


def _train(
    data: Path | None, out: Path, workers: int, chosen: dict[str, list[str]], seeds: list[int]
) -> bool:
    folder = need_data(data)
    need_torch()
    from peopleparse.experiments.gps_tables import Bench, run_missing

    bench = Bench(folder, out, workers)
    return run_missing(bench, chosen["rows"], chosen["subsets"], seeds, click.echo)


def _print_tables(ledger: Path, chosen: dict[str, list[str]], seeds: list[int]) -> None:
    from peopleparse.experiments.gps_report import format_missing, format_subset, read_runs

    found = read_runs(ledger)
    for subset in chosen["subsets"]:
        click.echo(f"\n{format_subset(found.entries, subset)}")
    click.echo(f"\n{format_missing(found.entries, chosen['rows'], chosen['subsets'], seeds)}")
    if found.others:
        click.echo(f"Entries of other recipes, left out: {found.others}.")


def _write_docs(ledger: Path) -> None:
    from peopleparse.experiments.gps_report import format_missing, read_runs, write_tables

    check_ledger(ledger, "gps-tables")
    write_tables(ledger, _PAGE)
    click.echo(f"{_PAGE}: {format_missing(read_runs(ledger).entries)}")


@experiment.command("gps-figure")
@click.argument("figure", type=click.Choice(_FIGURES))
@click.option(
    "--runs", type=_DIR, metavar="OUT", help="Folder of the runs that gps-tables left: its --out."
)
@click.option(
    "--checkpoint", type=_DIR, metavar="FILE",
    help="In place of --runs: last.pt of any network's run.",
)  # fmt: skip
@click.option(
    "--rows",
    help="Methods of --runs: for figure 8 those side by side [default: all that have a run], "
    "otherwise one [default: ad_fuse].",
)
@click.option("--data", type=_DIR, required=True, metavar="DIR", help="Folder that holds ccp/.")
@click.option(
    "--subset", type=click.Choice(["indoor", "outdoor"]), default="indoor", show_default=True
)
@click.option("--seed", default=1, show_default=True, help="Of the runs.")
@click.option(
    "--images", default="0,1,2", show_default=True, help="Numbers of scenes of the test split."
)
@click.option("--persons", is_flag=True, help="Figure 7: only the largest person of each scene.")
@click.option(
    "--threshold", type=click.FloatRange(0, 1), default=0.3, show_default=True,
    help="Lowest probability of the detector. The tables have a lower one, because AP ranks.",
)  # fmt: skip
@click.option("--out", type=_DIR, required=True, metavar="FILE.png")
def gps_figure(
    figure: str,
    runs: Path | None,
    checkpoint: Path | None,
    rows: str | None,
    data: Path,
    subset: str,
    seed: int,
    images: str,
    persons: bool,
    threshold: float,
    out: Path,
) -> None:
    """Draw FIGURE 6, 7 or 8 of the GPS paper, or the failures, from trained runs.

    6: boxes before and after adjustment. 7: local, global and fused parsing. 8: methods side by
    side. failures: what became of every person.
    """
    if (runs is None) == (checkpoint is None):
        raise click.UsageError("one of --runs and --checkpoint must be given, got none or both.")
    if checkpoint is not None and (figure == "8" or rows is not None):
        raise click.UsageError(
            "--checkpoint must be without --rows and not for figure 8, got it. Give --runs."
        )
    check_png(out)
    numbers = read_numbers(images, "images")
    names = _choose_rows(figure, rows)
    need_torch()
    import cv2

    from peopleparse.data.files import write_file
    from peopleparse.experiments import gps_figures
    from peopleparse.inference.pipeline import Options

    options = Options(threshold=0, least_heat=threshold)
    if checkpoint is not None:
        methods = [gps_figures.load_method(checkpoint, checkpoint.parent.name, options)]
    else:
        assert runs is not None
        if figure == "8" and rows is None:
            names = _leave_out(runs, names, subset, seed)
        methods = gps_figures.load_rows(runs, names, subset, seed, options, data)
    scenes = gps_figures.make_test_scenes(data / "ccp", subset, numbers)
    picture = gps_figures.draw_gps_figure(figure, methods, scenes, persons)
    write_file(out, cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    click.echo(f"{', '.join(method.title for method in methods)}: {out}")


def _choose_rows(figure: str, rows: str | None) -> list[str]:
    if figure == "8":
        return _choose(rows or _NAMES["rows"], "rows")
    chosen = _choose(rows or "ad_fuse", "rows")
    if len(chosen) != 1:
        raise click.UsageError(
            f"rows must be one for figure {figure}, got {len(chosen)}. Draw one after the other."
        )
    return chosen


def _leave_out(runs: Path, rows: list[str], subset: str, seed: int) -> list[str]:
    """Return the rows that have a run, all where none has one; say which ones do not."""
    from peopleparse.experiments.gps_figures import find_checkpoint

    there = [row for row in rows if find_checkpoint(runs, row, subset, seed).is_file()]
    if there and len(there) < len(rows):
        absent = ", ".join(row for row in rows if row not in there)
        click.echo(f"Without a run of {subset}, seed {seed}: {absent}.", err=True)
    return there or rows


def _choose(text: str, what: str) -> list[str]:
    return choose_names(text, what, _NAMES[what].split(","))


experiment.add_command(lip_tables)
experiment.add_command(lip_figure)
