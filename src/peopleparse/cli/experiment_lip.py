"""`peopleparse experiment lip-tables` and `lip-figure`: the LIP paper's comparison, run again."""

from __future__ import annotations

from pathlib import Path

import click

from peopleparse.cli.experiment_words import (
    check_ledger,
    check_png,
    choose_names,
    need_data,
    need_torch,
    read_numbers,
)

_ROWS = (
    *("segnet", "segnet_ssl", "fcn8s", "fcn8s_ssl"),
    *("deeplab_v2", "deeplab_v2_ssl", "attention", "attention_ssl"),
)
_OTHERS = tuple(
    f"{network}_ssl_{plan}"
    for network in ("attention", "fcn8s")
    for plan in ("product", "floor", "whole", "gentle")
)
_OUT = Path("runs/lip_tables")
_LEDGER = Path("benchmarks/results/lip_tables.jsonl")
_PAGE = Path("docs/lip_experiments.md")
_DIR = click.Path(path_type=Path)


@click.command("lip-tables")
@click.option(
    "--data", type=_DIR, metavar="DIR",
    help="Folder that holds ccp/ and backbones/ (see docs/data.md).",
)  # fmt: skip
@click.option(
    "--out", type=_DIR, default=_OUT, show_default=True,
    help="Ledger, runs and packed people; what is there is not made again.",
)  # fmt: skip
@click.option(
    "--rows", default=",".join(_ROWS), show_default=True,
    help=f"Methods; also {', '.join(_OTHERS)}.",
)  # fmt: skip
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
def lip_tables(
    data: Path | None,
    out: Path,
    rows: str,
    seeds: str,
    workers: int,
    print_only: bool,
    ledger: Path | None,
    write_docs: bool,
) -> None:
    """The LIP paper's four networks, each without and with structure learning, on single people.

    Every run that is missing is trained and scored; started again, it goes on where it stopped.
    """
    if write_docs:
        _write_docs(ledger or _LEDGER)
        return
    chosen = choose_names(rows, "rows", (*_ROWS, *_OTHERS))
    numbers = read_numbers(seeds, "seeds")
    path = ledger or out / "ledger.jsonl"
    complete = True
    if ledger is not None:
        check_ledger(ledger, "lip-tables")
    elif not print_only:
        folder = need_data(data)
        need_torch()
        from peopleparse.experiments.lip_tables import Bench, run_missing

        complete = run_missing(Bench(folder, out, workers), chosen, numbers, click.echo)
    _print_tables(path, chosen, numbers)
    if not complete:
        raise click.Abort


def _print_tables(ledger: Path, rows: list[str], seeds: list[int]) -> None:
    from peopleparse.experiments.lip_report import format_all, format_missing, read_runs

    found = read_runs(ledger)
    click.echo(f"\n{format_all(found.entries)}")
    click.echo(f"\n{format_missing(found.entries, rows, seeds)}")
    if found.others:
        click.echo(f"Entries of other recipes, left out: {found.others}.")


def _write_docs(ledger: Path) -> None:
    from peopleparse.experiments.lip_report import format_missing, read_runs, write_tables

    check_ledger(ledger, "lip-tables")
    write_tables(ledger, _PAGE)
    click.echo(f"{_PAGE}: {format_missing(read_runs(ledger).entries)}")


@click.command("lip-figure")
@click.argument("figure", type=click.Choice(["2"]))
@click.option(
    "--runs", type=_DIR, required=True, metavar="OUT",
    help="Folder of the runs that lip-tables left: its --out.",
)  # fmt: skip
@click.option("--data", type=_DIR, required=True, metavar="DIR", help="Folder that holds ccp/.")
@click.option(
    "--row", default="attention_ssl", show_default=True,
    type=click.Choice([name for name in (*_ROWS, *_OTHERS) if "_ssl" in name]),
    help="Method with structure learning; the same network without it stands beside it.",
)  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="Of the runs.")
@click.option("--stress", is_flag=True, help="Look in the stress set, not in plain people.")
@click.option(
    "--count", default=3, show_default=True, type=click.IntRange(min=1), help="People at most."
)
@click.option("--out", type=_DIR, required=True, metavar="FILE.png")
def lip_figure(
    figure: str, runs: Path, data: Path, row: str, seed: int, stress: bool, count: int, out: Path
) -> None:
    """Draw FIGURE 2 of the LIP paper: people whose left and right structure learning put right.

    Those with the most repaired pixels are chosen; where there is none it says so, and draws
    nothing.
    """
    check_png(out)
    need_torch()
    import cv2

    from peopleparse.data.files import write_file
    from peopleparse.experiments import lip_figure as drawing

    pair = drawing.load_pair(runs, row, seed, data)
    found = drawing.compare(*pair, drawing.read_views(data, runs, stress))
    chosen, summary = drawing.choose(found, count), drawing.summarise(found)
    if not chosen:
        click.echo(f"none found: {summary}")
        return
    footer = f"{summary} Shown are those with the most. Seed {seed}."
    picture = drawing.draw_repairs(chosen, footer)
    write_file(out, cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    click.echo(f"{', '.join(repair.name for repair in chosen)}: {out}\n{summary}")
