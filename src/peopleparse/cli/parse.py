"""`peopleparse parse`: photos in, overlays, label PNGs and JSON out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from peopleparse.cli.views import view_options
from peopleparse.errors import InputError, suggest

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from peopleparse.inference.folder import FolderReport
    from peopleparse.labels import LossReport

_SCHEMES = ("gps", "lip")


def _split_formats(ctx: click.Context, param: click.Parameter, value: str) -> list[str]:
    from peopleparse.inference.folder import check_formats

    formats = [name.strip() for name in value.split(",") if name.strip()]
    try:
        check_formats(formats)
    except InputError as error:
        raise click.UsageError(str(error), ctx) from error
    if not formats:
        raise click.UsageError("format must be named, got none. Leave --save out.", ctx)
    return formats


def _check_scheme(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value not in _SCHEMES:
        hint = suggest(value, _SCHEMES)
        raise click.UsageError(f"scheme must be a known name, got '{value}'.{hint}", ctx)
    return value


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="PHOTO|FOLDER|GLOB...")
@click.option(
    "--out", type=click.Path(path_type=Path), default="parsed", show_default=True,
    metavar="DIR", help="Where to write; made where missing.",
)  # fmt: skip
@click.option(
    "--save", default="overlay,png,json", show_default=True, metavar="LIST",
    callback=_split_formats, help="What to write, of overlay, png, json, coco.",
)  # fmt: skip
@click.option(
    "--detail", type=click.Choice(["fast", "normal", "fine"]), default="normal",
    show_default=True, help="Size at which the network sees a photo.",
)  # fmt: skip
@click.option(
    "--scheme", default="gps", show_default=True, metavar="gps|lip", callback=_check_scheme,
    help="Labels of the result; what translation loses is printed.",
)  # fmt: skip
@click.option(
    "--threshold", type=click.FloatRange(0, 1), default=0.2, show_default=True,
    help="Lowest score of a person.",
)  # fmt: skip
@view_options
@click.option("--model", metavar="NAME|FOLDER", help="A network of your own.")
@click.option("--threads", type=click.IntRange(min=1), help="Processor threads; all by default.")
@click.pass_context
def parse(
    ctx: click.Context,
    sources: tuple[str, ...],
    out: Path,
    save: list[str],
    detail: str,
    scheme: str,
    threshold: float,
    scales: tuple[float, ...],
    flip: bool,
    model: str | None,
    threads: int | None,
) -> None:
    """Find every person in photos and every part of every person.

    Photos that cannot be read are skipped and named at the end; then the exit code is 1.
    """
    from peopleparse.inference import Parser, find_photos, parse_folder
    from peopleparse.inference.onnx_engine import DEFAULT_MODEL

    photos = find_photos(sources, skip=out)
    parser = Parser(
        model or DEFAULT_MODEL,
        detail=detail,
        threshold=threshold,
        threads=threads,
        scales=scales,
        flip=flip,
    )
    with _progress(len(photos)) as (progress, task):
        report = parse_folder(
            parser, photos, out, save, scheme, lambda photo: progress.advance(task)
        )
    _print_report(report, out, scheme)
    if report.failed:
        ctx.exit(1)


@contextmanager
def _progress(total: int) -> Iterator[tuple[Progress, TaskID]]:
    """Show a bar on a terminal only: a log file gets the summary alone."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("parsing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    quiet = total < 2 or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        yield progress, progress.add_task("parsing", total=total)


def _print_report(report: FolderReport, out: Path, scheme: str) -> None:
    for reason in report.failed.values():
        click.echo(f"Error: {' '.join(reason.split())}", err=True)
    parsed, failed = len(report.written), len(report.failed)
    if report.loss:
        _print_loss(report.loss, scheme)
    if parsed:
        skipped = f" {failed} of {parsed + failed} photos were skipped." if failed else ""
        found = f"{_count(report.people, 'person', 'people')} in {_count(parsed, 'photo')}"
        click.echo(f"{found}, results in {out}.{skipped}")
    elif failed > 1:
        click.echo(f"No photo could be parsed: all {failed} were skipped.", err=True)


def _print_loss(loss: LossReport, scheme: str) -> None:
    click.echo(f"Translated to {scheme}: " + "; ".join(str(loss).splitlines()) + ".")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
