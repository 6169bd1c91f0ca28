"""`peopleparse experiment`: tables of the papers, trained and scored again."""

from __future__ import annotations

from pathlib import Path

import click

_NAMES = {
    "rows": "det_par,ins_glo,loc,ad_loc,fuse,ad_fuse,ad_fuse_ssl",
    "subsets": "indoor,outdoor",
}


@click.group()
def experiment() -> None:
    """Train and score what a paper compares; needs peopleparse[train]."""


@experiment.command("gps-tables")
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, metavar="DIR",
    help="Folder that holds ccp/ (Clothing Co-Parsing).",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/gps_tables"), show_default=True,
    help="Ledger, runs and composed scenes; what is there is not made again.",
)  # fmt: skip
@click.option("--rows", default=_NAMES["rows"], show_default=True, help="Methods.")
@click.option("--subsets", default=_NAMES["subsets"], show_default=True)
@click.option("--seeds", default="1,2,3", show_default=True)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("--print-only", is_flag=True, help="Print the tables of the ledger; train nothing.")
def gps_tables(
    data: Path, out: Path, rows: str, subsets: str, seeds: str, workers: int, print_only: bool
) -> None:
    """Tables 2 and 3 of the GPS paper on the stand-in sets, with mean and spread over seeds.

    Every run that is missing is trained and scored; started again, it goes on where it stopped.
    """
    from peopleparse.cli.extras import need_extra

    need_extra("train", "torch", "torchvision", "onnx")
    from peopleparse.experiments.gps_tables import Bench, format_table, run_missing
    from peopleparse.experiments.ledger import read_ledger

    wanted = [_choose(text, name) for name, text in (("rows", rows), ("subsets", subsets))]
    numbers = [_number(text) for text in seeds.split(",")]
    bench = Bench(data, out, workers)
    complete = print_only or run_missing(bench, wanted[0], wanted[1], numbers, click.echo)
    entries = read_ledger(bench.ledger).values()
    for subset in wanted[1]:
        for reading in ("literal", "strict"):
            click.echo(f"\n{subset}, {reading}:\n")
            click.echo(format_table(entries, subset, reading))
    if not complete:
        raise click.Abort


def _choose(text: str, what: str) -> list[str]:
    known, names = _NAMES[what].split(","), text.split(",")
    for name in names:
        if name not in known:
            raise click.UsageError(
                f"{what} must be names from {', '.join(known)}, got '{name}'. Put commas between."
            )
    return names


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise click.UsageError(
            f"seeds must be whole numbers with commas between, got '{text}'. Write 1,2,3."
        ) from None
