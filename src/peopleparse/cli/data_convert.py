"""`peopleparse data convert`: from one format of labels to another, and what that loses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from peopleparse.data.convert import ConversionReport


@click.command()
@click.argument("source", type=click.Path())
@click.argument("out", type=click.Path())
@click.option("--to", required=True, help="Format: gps, cihp, mhp-v1, mhp-v2, coco or lip.")
@click.option("--from", "format", help="Format of SOURCE; found from its files unless named.")
@click.option("--scheme", help="Labels of SOURCE; those of its note, else its format's own.")
@click.option("--translate", is_flag=True, help="Write the labels of the new format's own scheme.")
@click.option("--images", type=click.Path(), metavar="DIR", help="Photos; images/ of SOURCE.")
@click.option("--split", metavar="NAME", help="Convert only the images of this split.")
@click.option("--subset", help="To gps: indoor or outdoor, where SOURCE does not say it.")
@click.option(
    "--as-split", default="train", show_default=True, metavar="NAME",
    help="To gps: the split, where SOURCE does not say it.",
)  # fmt: skip
def convert(
    source: str,
    out: str,
    to: str,
    format: str | None,
    scheme: str | None,
    translate: bool,
    images: str | None,
    split: str | None,
    subset: str | None,
    as_split: str,
) -> None:
    """Convert the truth in SOURCE into the new folder OUT and print what is lost.

    SOURCE is a folder, a zip archive, or a COCO JSON. Label ids are kept, and their scheme is noted
    in OUT, unless --translate is given. An image that cannot be converted is passed over and named;
    the exit status is then 1.
    """
    from peopleparse.cli.data import track
    from peopleparse.data.convert import convert_labels

    report = convert_labels(
        source, out, to, format, scheme, translate, images, split, subset, as_split,
        track=lambda ids: track(ids, "Converting"),
    )  # fmt: skip
    for problem in report.problems:
        click.echo(problem, err=True)
    click.echo("\n".join(_lines(report, out, to)))
    if report.problems:
        raise click.exceptions.Exit(1)


def _lines(report: ConversionReport, out: str, to: str) -> Iterator[str]:
    yield (
        f"{report.images} images with {report.persons} persons written: {out} "
        f"({to}, labels of scheme {report.scheme})"
    )
    if report.problems:
        yield f"{len(report.problems)} images could not be converted"
    if report.losses:
        yield "Lost:"
        yield from (f"  {kind}: {number}" for kind, number in report.losses.items())
    elif not report.labels:
        yield "Nothing of what was converted is lost."
    if report.labels:
        yield "Labels:"
        yield from (f"  {line}" for line in str(report.labels).splitlines())
    yield from (f"Note: {kind}: {number}" for kind, number in report.notes.items())
