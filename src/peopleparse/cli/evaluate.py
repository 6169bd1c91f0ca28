"""`peopleparse evaluate`: score folders of predictions against folders of truth."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peopleparse.errors import InputError

if TYPE_CHECKING:
    from peopleparse.evaluation import Evaluation, Options
    from peopleparse.evaluation.entry import Progress

_FILE = click.Path(path_type=Path)


class _Evaluate(click.Command):
    """Keeps the words it was called with, for the report."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words."""
        ctx.meta["command"] = f"{ctx.command_path} {shlex.join(args)}"
        return super().parse_args(ctx, args)


def _split(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [word.strip() for word in value.split(",") if word.strip()]


def _read_shard(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    if value is None:
        return None
    first, _, count = value.partition("/")
    if not (first.isdigit() and count.isdigit() and 1 <= int(first) <= int(count)):
        raise click.UsageError(f"shard must be i/n with 1 <= i <= n, got '{value}'.", ctx)
    return int(first), int(count)


@click.command(cls=_Evaluate)
@click.argument("paths", nargs=-1, type=_FILE, metavar="TRUTH PREDICTION...")
@click.option("--name", "names", multiple=True, help="Name of a system, in their order.")
@click.option("--format", metavar="NAME", help="Format of the truth; found where not given.")
@click.option("--pred-format", metavar="NAME", help="Format of the predictions.")
@click.option("--scheme", metavar="NAME", help="Labels of both; ids:20 for 20 without names.")
@click.option("--ids", type=_FILE, help="Text file with one image id a line: only these.")
@click.option(
    "--metrics", callback=_split, metavar="LIST",
    help="Only these scores, of pixels, ap_lambda, ap_p, ap_r, ap_h, person_mask, person_box, "
    "panoptic.",
)  # fmt: skip
@click.option(
    "--mode", default="recommended", show_default=True, metavar="NAME",
    help="Or what others published: legacy-mhp, -pgn, -mg, -mce2p, -m2fp, -qanet.",
)  # fmt: skip
@click.option("--all-readings", is_flag=True, help="Every reading of a score side by side.")
@click.option(
    "--by", callback=_split, metavar="LIST",
    help="Scores by group, of count, size, height, truncation, overlap, subset, body, head, face, "
    "occlusion, view.",
)  # fmt: skip
@click.option(
    "--bootstrap", type=click.IntRange(min=0), default=0, metavar="N",
    help="Intervals and paired tests from N draws of the images.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the draws.")
@click.option("--workers", type=click.IntRange(min=1), default=1, help="Processes.")
@click.option(
    "--ray", metavar="ADDRESS",
    help="Count on a Ray cluster: local, auto, host:port or ray://host:port.",
)  # fmt: skip
@click.option("--resume", type=_FILE, help="Tally file; a stopped run goes on from it.")
@click.option(
    "--shard", callback=_read_shard, metavar="I/N",
    help="Only count the I-th of N parts of the images into --resume.",
)  # fmt: skip
@click.option(
    "--tallies", is_flag=True, help="PREDICTION... are tally files, and there is no TRUTH."
)
@click.option(
    "--check", is_flag=True,
    help="Only say what is wrong with PREDICTION; TRUTH is photos or a list of ids, or left out.",
)  # fmt: skip
@click.option(
    "--benchmark", type=_FILE, metavar="FOLDER",
    help="With --check: a benchmark, whose server would find the same faults.",
)  # fmt: skip
@click.option("--images", type=_FILE, help="Folder of the photos, for pictures of --report.")
@click.option("--report", type=_FILE, metavar="DIR", help="Write HTML, Markdown, LaTeX and JSON.")
@click.option("--out", type=_FILE, metavar="FILE", help="Write the JSON.")
@click.option("--detail", is_flag=True, help="Print IoU by label, too.")
@click.pass_context
def evaluate(ctx: click.Context, paths: tuple[Path, ...], **given: Any) -> None:
    """Score predictions against truth.

    Both are folders, zip archives or COCO files, in any format of the field. An image without a
    prediction counts against the system. A file that cannot be read is named, all others are
    scored, and the exit code is 1.
    """
    _check_usage(ctx, paths, given)
    if given["check"]:
        ctx.exit(_check(paths, given))
    if given["shard"]:
        ctx.exit(_count(paths, given))
    options = _make_options(ctx, given)
    result, overlays = _score(paths, given, options)
    report = {**result.to_dict(), "command": ctx.meta["command"]}
    try:
        _write(report, overlays, given["out"], given["report"])
    finally:  # numbers are shown where they cannot be written
        _print(report, given["detail"])
    if result.faults:
        number = len(result.faults)
        what = (
            "1 file is not as it must be"
            if number == 1
            else f"{number} files are not as they must be"
        )
        click.echo(f"Error: {what}; all else is scored.", err=True)
        ctx.exit(1)


def _check_usage(ctx: click.Context, paths: Sequence[Path], given: dict[str, Any]) -> None:
    least = 1 if given["tallies"] or given["check"] else 2
    if len(paths) < least:
        wanted = {1: "a file or folder"}.get(least, "TRUTH and one or more PREDICTION")
        raise click.UsageError(f"paths must be {wanted}, got {len(paths)}.", ctx)
    if given["check"] and len(paths) > 2:
        raise click.UsageError("--check must have one PREDICTION, got more.", ctx)
    systems = len(paths) if given["tallies"] else len(paths) - 1
    if given["benchmark"] and (not given["check"] or len(paths) != 1):
        raise click.UsageError("--benchmark must have --check and one archive.", ctx)
    if given["names"] and (given["tallies"] or len(given["names"]) != systems):
        raise click.UsageError(
            f"--name must be given once a prediction ({systems}), got {len(given['names'])} times"
            f"{' with --tallies, which have names' if given['tallies'] else ''}.",
            ctx,
        )
    if given["ray"] and (given["tallies"] or given["check"] or given["shard"]):
        raise click.UsageError("--ray must have TRUTH and PREDICTION, and no --shard.", ctx)
    if given["shard"] and (given["resume"] is None or given["tallies"] or systems != 1):
        raise click.UsageError("--shard must have one PREDICTION and --resume FILE.", ctx)


def _make_options(ctx: click.Context, given: dict[str, Any]) -> Options:
    from peopleparse.evaluation import Options

    names = ("metrics", "mode", "all_readings", "bootstrap", "seed")
    try:
        return Options(by=given["by"] or (), **{name: given[name] for name in names})
    except InputError as error:
        raise click.UsageError(str(error), ctx) from error


def _check(paths: Sequence[Path], given: dict[str, Any]) -> int:
    from peopleparse.cli.data import track
    from peopleparse.data.label_check import check_predictions

    faults: Sequence[object]
    if given["benchmark"]:
        faults = _check_for(given["benchmark"], paths[0])
    else:
        images = paths[0] if len(paths) == 2 else given["ids"]
        faults = check_predictions(paths[-1], images, given["pred_format"], given["scheme"], track)
    for fault in faults:
        click.echo(fault)
    if faults:
        number = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        click.echo(f"Error: {number} in {paths[-1]}", err=True)
        return 1
    click.echo(f"No faults in {paths[-1]}")
    return 0


def _check_for(folder: Path, archive: Path) -> Sequence[object]:
    """Return what the server of a benchmark would find wrong with an archive."""
    from peopleparse.server.archive import check_archive
    from peopleparse.server.benchmark_folder import read_benchmark

    if not archive.is_file():
        raise InputError(f"archive must be a zip file, got none, at {archive}. Pack the folder.")
    return check_archive(archive, read_benchmark(folder, secret=False).manifest)


def _open(paths: Sequence[Path], given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    from peopleparse.data.formats import open_labels

    names = given["names"] or _name_systems(paths[1:])
    if len(set(names)) < len(names):
        raise InputError(f"names of systems must differ, got {list(names)}. Give them with --name.")
    truth = open_labels(paths[0], given["format"], given["scheme"], "truth", given["ids"])
    scheme = given["scheme"] or truth.scheme
    rest = (given["pred_format"], scheme, "prediction", given["ids"])
    systems = {name: open_labels(path, *rest) for name, path in zip(names, paths[1:], strict=True)}
    return truth, systems


def _name_systems(paths: Sequence[Path]) -> list[str]:
    """Return the last part of each path, or the whole path where two would be called the same."""
    names = [path.stem if path.suffix in (".zip", ".json") else path.name for path in paths]
    return [
        str(path) if names.count(name) > 1 or not name else name
        for name, path in zip(names, paths, strict=True)
    ]


def _count(paths: Sequence[Path], given: dict[str, Any]) -> int:
    from peopleparse.evaluation import count_images

    truth, systems = _open(paths, given)
    (name, system), shard = next(iter(systems.items())), given["shard"]
    total = len(truth.ids[shard[0] - 1 :: shard[1]])
    done = 0
    with _progress() as show:

        def count_one(image_id: str) -> None:
            nonlocal done
            done += 1
            show(done, total)

        found = count_images(
            truth, system, given["resume"], name=name, workers=given["workers"], shard=shard,
            progress=count_one,
        )  # fmt: skip
    faults = [record.fault for record in found.records() if record.fault]
    for fault in faults:
        click.echo(f"Error: {' '.join(fault.split())}", err=True)
    click.echo(f"{len(found.places)} of {len(truth.ids)} images counted: {found.path}")
    return 1 if faults else 0


def _score(
    paths: Sequence[Path], given: dict[str, Any], options: Options
) -> tuple[Evaluation, dict[str, Any]]:
    """Return the evaluation, and pictures of the worst images where a report is written."""
    from peopleparse.evaluation import evaluate as evaluate_labels
    from peopleparse.evaluation import evaluate_tallies

    if given["tallies"]:
        return evaluate_tallies(paths, options), {}
    truth, systems = _open(paths, given)
    with _progress() as show:
        if given["ray"]:
            result = _score_on_ray(truth, systems, given, options, show)
        else:
            result = evaluate_labels(
                truth, systems, options=options, workers=given["workers"], resume=given["resume"],
                progress=show,
            )  # fmt: skip
    if given["report"] is None:
        return result, {}
    from peopleparse.evaluation.pictures import draw_images

    photos = given["images"] or paths[0] / "images"
    worst = {
        entry["name"]: [image["image_id"] for image in entry["worst"]]
        for entry in result.to_dict()["systems"]
    }
    return result, {
        name: draw_images(truth, systems[name], ids, photos) for name, ids in worst.items()
    }


def _score_on_ray(
    truth: Any, systems: dict[str, Any], given: dict[str, Any], options: Options, show: Progress
) -> Evaluation:
    from peopleparse.evaluation.map_reduce import evaluate_on_ray
    from peopleparse.inference.ray_cluster import connected

    workers = given["workers"] if given["workers"] > 1 else None
    with connected(given["ray"], workers, 1) as cores:
        return evaluate_on_ray(
            truth, systems, options=options, cores=cores, resume=given["resume"], progress=show
        )


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show a bar on a terminal only: a log file gets the result alone."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("counting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("counting", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print(report: dict[str, Any], detail: bool) -> None:
    from rich.console import Console

    from peopleparse.evaluation.report_text import print_report

    print_report(report, Console(), detail)


def _write(
    report: dict[str, Any], overlays: dict[str, Any], out: Path | None, folder: Path | None
) -> None:
    from peopleparse.data.files import write_file

    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if out is not None:
        write_file(out, text.encode())
    if folder is None:
        return
    from peopleparse.evaluation.report_page import write_report_page
    from peopleparse.evaluation.report_tables import latex_tables, markdown_tables

    write_report_page(report, folder, overlays)
    write_file(folder / "report.json", text.encode())
    write_file(folder / "report.md", markdown_tables(report).encode())
    write_file(folder / "report.tex", latex_tables(report).encode())
