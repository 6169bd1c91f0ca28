"""`peopleparse benchmark`: make, check and hand out a benchmark that the server can run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(path_type=Path)
_DAYS = 365


@click.group()
def benchmark() -> None:
    """Make, check and hand out a benchmark: a folder that `peopleparse serve` runs."""


@benchmark.command()
@click.argument("truth", type=_FILE)
@click.argument("folder", type=_FILE)
@click.option("--slug", required=True, help="Its name in addresses: a to z, digits, hyphens.")
@click.option("--title", required=True, help="Its name for people.")
@click.option("--format", help="Of archives: lip, gps, cihp, mhp-v1, mhp-v2, peopleparse.")
@click.option("--truth-format", help="Of the truth; found where not given.")
@click.option("--scheme", help="Labels; those of the truth's files where not given.")
@click.option("--headline", help="The score that ranks: mean_iou, ap_lambda_strict, ...")
@click.option("--metric", "metrics", multiple=True, help="One more score that is shown.")
@click.option("--persons", type=click.IntRange(1, 255), default=20, show_default=True,
              help="Most persons in an image.")  # fmt: skip
@click.option("--public", type=click.FloatRange(0.01, 0.99), default=0.3, show_default=True,
              help="Share of the public half.")  # fmt: skip
@click.option("--ladder-step", type=click.FloatRange(0.0001, 0.1),
              help="Least gain that is shown, a fraction; default: by the images.")  # fmt: skip
@click.option("--opens", type=click.DateTime(), help="Of its first phase, UTC; default: now.")
@click.option("--closes", type=click.DateTime(), help="Default: a year later.")
@click.option("--attempts-a-day", type=click.IntRange(1), default=20, show_default=True)
@click.option("--scores-a-day", type=click.IntRange(1), default=2, show_default=True)
@click.option("--scores-in-all", type=click.IntRange(1), default=30, show_default=True)
def make(truth: Path, folder: Path, opens: Any, closes: Any, **given: Any) -> None:
    """Make a new FOLDER from TRUTH, a folder or archive in any format of the field.

    The truth stays where it is: keep it where only the server's user can read it.
    """
    from peopleparse.cli.data import track
    from peopleparse.server.benchmark_make import Plan, make_benchmark

    start = (opens or datetime.now(UTC)).replace(tzinfo=UTC, microsecond=0)
    end = start + timedelta(days=_DAYS) if closes is None else closes.replace(tzinfo=UTC)
    plan = Plan(opens=start, closes=end, **given)
    made = make_benchmark(truth, folder, plan, track)
    click.echo(f"{len(made.images)} images, scored by {made.headline}: {folder}")
    click.echo("Read rules.md and the dates in benchmark.toml, then: peopleparse benchmark check")


@benchmark.command()
@click.argument("folder", type=_FILE)
@click.pass_context
def check(ctx: click.Context, folder: Path) -> None:
    """Say everything that is wrong with a benchmark and its truth."""
    from peopleparse.server.benchmark_folder import check_benchmark, read_benchmark

    faults = check_benchmark(folder)
    for fault in faults:
        click.echo(fault)
    if faults:
        click.echo(f"Error: {len(faults)} faults in {folder}", err=True)
        ctx.exit(1)
    found = read_benchmark(folder)
    click.echo(f"No faults in {folder}: {len(found.images)} images, {len(found.phases)} phases")


@benchmark.command()
@click.argument("folder", type=_FILE)
@click.argument("out", type=_FILE)
def export(folder: Path, out: Path) -> None:
    """Write the public part as a zip: rules, images and sizes; no truth, nothing of the split."""
    from peopleparse.server.benchmark_make import export_benchmark

    click.echo(f"Wrote {export_benchmark(folder, out)}")
