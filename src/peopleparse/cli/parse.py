"""`peopleparse parse`: photos in, overlays, label PNGs and JSON out; or shards of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peopleparse.cli.networks import build_parser, parser_options
from peopleparse.cli.parse_options import parse_options
from peopleparse.cli.signals import Terminated, sigterm_raises
from peopleparse.errors import InputError

if TYPE_CHECKING:
    from peopleparse.inference.folder import FolderReport
    from peopleparse.inference.ray_run import RayReport
    from peopleparse.inference.shard_run import ShardReport
    from peopleparse.labels import LossReport

_INTERRUPTED, _TERMINATED = 130, 143


@click.command()
@parse_options
@click.pass_context
def parse(
    ctx: click.Context, sources: tuple[str, ...], out: str, scheme: str, **options: Any
) -> None:
    """Find every person in photos and every part of every person.

    Photos that cannot be read are skipped and named at the end; then the exit code is 1. A run
    over many photos that was stopped goes on where it was when the same command is given again.
    """
    if options["shards"] or options["ray"]:
        _check_shard_options(ctx, options)
        shards = _run_shards(ctx, sources, out, scheme, options)
        _print_failed(shards.failed)
        _print_shards(shards, out)
        failed = bool(shards.failed)
    else:
        report = _run_folder(ctx, sources, Path(out), scheme, options)
        _print_failed(report.failed)
        _print_report(report, Path(out), scheme)
        failed = bool(report.failed)
    if failed:
        ctx.exit(1)


def _run_folder(
    ctx: click.Context, sources: Sequence[str], out: Path, scheme: str, options: dict[str, Any]
) -> FolderReport:
    from peopleparse import inference

    _refuse_urls([*sources, str(out)])
    photos = inference.find_photos(sources, skip=out)
    parser = build_parser(options)
    with _watched(ctx, len(photos), str(out)) as (advance, start_at):
        return inference.parse_folder(
            parser,
            photos,
            out,
            options["save"],
            scheme,
            lambda photo: advance(1),
            resume=not options["again"],
            on_skipped=start_at,
        )


def _run_shards(
    ctx: click.Context, sources: Sequence[str], out: str, scheme: str, options: dict[str, Any]
) -> ShardReport | RayReport:
    from peopleparse.inference import folder, remote_files, shard_run, shards

    form = options["shards"] or "parquet"
    shards.check_shard_format(form)
    if not options["ray"]:
        _refuse_urls([*sources, out])
    photos = remote_files.list_photos(sources, skip=out)
    plan = shards.plan_shards(photos, options["shard_size"])
    parser = build_parser(options)
    identity = {**folder.identify_parser(parser), "scheme": scheme}
    with _watched(ctx, len(photos), out) as (advance, start_at):
        if not options["ray"]:
            return shard_run.parse_to_shards(
                parser,
                plan,
                out,
                form,
                identity=identity,
                scheme=scheme,
                again=options["again"],
                on_photo=lambda photo: advance(1),
                on_skipped=start_at,
            )
        from peopleparse.inference.ray_run import parse_shards

        return parse_shards(
            plan,
            out,
            address=options["ray"],
            workers=options["ray_workers"],
            parser_options=parser_options(options),
            format=form,
            identity=identity,
            on_shard=lambda shard: advance(len(shard.photos)),
            scheme=scheme,
            again=options["again"],
        )


def _check_shard_options(ctx: click.Context, options: dict[str, Any]) -> None:
    if ctx.get_parameter_source("save") is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError(
            f"--save must be left out where results go into shards, got "
            f"'{','.join(options['save'])}'. Leave out one of the two.",
            ctx,
        )
    if options["ray"] and options["engine"] == "torch":
        raise click.UsageError(
            "engine must be auto, onnxruntime or openvino with --ray, got 'torch'. "
            "Leave --engine out.",
            ctx,
        )


def _refuse_urls(paths: Sequence[str]) -> None:
    from peopleparse.inference.remote_files import is_remote, show_path

    for path in filter(is_remote, paths):
        raise InputError(
            f"paths must be on this machine where --ray is not given, got {show_path(path)}. "
            "Add --ray local."
        )


@contextmanager
def _watched(
    ctx: click.Context, total: int, out: str
) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Show progress and the time left; Ctrl-C and SIGTERM become a line that says how to go on.

    Gives two functions: one counts photos that are done, one says how many were done before.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console, counted = Console(stderr=True), [0]
    columns = (TextColumn("parsing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    quiet = total < 2 or not console.is_terminal  # a log file gets the summary alone
    try:
        with (
            sigterm_raises(),
            Progress(*columns, console=console, transient=True, disable=quiet) as progress,
        ):
            task = progress.add_task("parsing", total=total)

            def advance(photos: int) -> None:
                counted[0] += photos
                progress.advance(task, photos)

            def start_at(photos: int) -> None:
                counted[0] += photos
                progress.reset(task, completed=photos)  # the time left is that of the others

            yield advance, start_at
    except KeyboardInterrupt as stop:
        if total < 2:
            raise
        click.echo(
            f"Stopped: {counted[0]} of {total} photos are done, what is finished is kept in {out}. "
            "The same command goes on there.",
            err=True,
        )
        ctx.exit(_TERMINATED if isinstance(stop, Terminated) else _INTERRUPTED)


def _print_failed(failed: dict[Any, str]) -> None:
    for reason in failed.values():
        click.echo(f"Error: {' '.join(reason.split())}", err=True)


def _print_report(report: FolderReport, out: Path, scheme: str) -> None:
    parsed, failed = len(report.written) + len(report.skipped), len(report.failed)
    if report.loss:
        _print_loss(report.loss, scheme)
    if parsed:
        words = f"{_count(report.people, 'person', 'people')} in {_count(parsed, 'photo')}"
        words = f"{words}, results in {out}."
        if report.skipped:
            words += f" {len(report.skipped)} were finished before; --again does them again."
        if failed:
            words += f" {failed} of {parsed + failed} photos were skipped."
        click.echo(words)
    elif failed > 1:
        click.echo(f"No photo could be parsed: all {failed} were skipped.", err=True)


def _print_shards(report: ShardReport | RayReport, out: str) -> None:
    found = f"{_count(report.people, 'person', 'people')} in {_count(report.photos, 'photo')}"
    words = f"{found}, {_count(len(report.written), 'shard')} written to {out}."
    if report.skipped:
        words += f" {len(report.skipped)} were finished before; --again does them again."
    if report.failed:
        words += f" {len(report.failed)} of {report.photos} photos have no result."
    click.echo(words)


def _print_loss(loss: LossReport, scheme: str) -> None:
    click.echo(f"Translated to {scheme}: " + "; ".join(str(loss).splitlines()) + ".")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
