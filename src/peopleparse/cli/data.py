"""`peopleparse data`: look at data sets and change their form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from peopleparse.data.statistics import Spread, Statistics

FOLDER = click.Path(file_okay=False)


@click.group()
def data() -> None:
    """Check and describe data sets."""


@data.command()
@click.argument("folder", type=FOLDER)
def check(folder: str) -> None:
    """Check every file of a data set in the GPS form; exit 1 if something is wrong."""
    from peopleparse.data.gps_check import check_dataset, note_dataset

    problems = check_dataset(folder, _track)
    for problem in problems:
        click.echo(problem)
    for note in note_dataset(folder):
        click.echo(f"Note: {note}")
    if problems:
        click.echo(f"{len(problems)} problems in {folder}", err=True)
        raise click.exceptions.Exit(1)
    click.echo(f"No problems in {folder}")


@data.command()
@click.argument("folder", type=FOLDER)
@click.option("--split", help="Count only the images of this split.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def stats(folder: str, split: str | None, as_json: bool) -> None:
    """Count persons per image, appearances of each part, and sizes."""
    from peopleparse.data.statistics import measure_dataset

    found = measure_dataset(folder, split)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
    else:
        click.echo("\n".join(_table(found)))


def _track(ids: Sequence[str]) -> Iterator[str]:
    from rich.console import Console
    from rich.progress import track

    # On stderr, so that the problems alone can be sent to a file.
    yield from track(ids, "Checking", console=Console(stderr=True), transient=True)


def _table(found: Statistics) -> Iterator[str]:
    yield f"images              {found.images}"
    yield f"persons             {found.persons}"
    yield f"persons per image   {found.mean_persons:.2f}"
    yield f"overlap pixels      {found.overlap_pixels}"
    for title, counts in (("subset", found.subsets), ("split", found.splits)):
        yield f"\n{title:<20}images"
        yield from (f"{name:<20}{count}" for name, count in counts.items())
    yield "\npersons per image   images"
    yield from (f"{count:<20}{images}" for count, images in found.persons_per_image.items())
    yield f"\n{'part':<20}{'persons':<10}of all"
    for name, count in found.part_persons.items():
        yield f"{name:<20}{count:<10}{count / max(found.persons, 1):.1%}"
    yield f"\n{'pixels':<20}{'least':<10}{'median':<10}{'mean':<10}greatest"
    yield _spread_row("image width", found.widths)
    yield _spread_row("image height", found.heights)
    yield _spread_row("person height", found.person_heights)


def _spread_row(name: str, spread: Spread) -> str:
    numbers = f"{spread.least:<10.0f}{spread.median:<10.0f}{spread.mean:<10.1f}"
    return f"{name:<20}{numbers}{spread.greatest:.0f}"
