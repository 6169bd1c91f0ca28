"""`peopleparse data split`: train, val and test by hash, near-duplicates together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from peopleparse.data.gps_split import SplitReport

Number = TypeVar("Number", int, float)
_SHOWN_GROUPS = 20


@click.command()
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--names", default="train,val,test", show_default=True, help="Names of the splits.")
@click.option("--shares", default="3,1,1", show_default=True, help="A share for each split.")
@click.option("--counts", help="An exact number of images for each split, in place of shares.")
@click.option(
    "--distance", type=int, metavar="BITS",
    help="Photos at most so many of 255 bits apart stay together.  [default: 66]",
)  # fmt: skip
def split(folder: str, names: str, shares: str, counts: str | None, distance: int | None) -> None:
    """Split a data set in the GPS form, and write the split into the JSON of each image.

    By the hash of the image's id, so the same folder always gives the same split. Photos that are
    nearly the same stay in one split; indoor and outdoor images are shared out apart.
    """
    from peopleparse.cli.data import track
    from peopleparse.data.gps_split import split_dataset
    from peopleparse.data.near_duplicates import MAX_DISTANCE

    report = split_dataset(
        folder,
        {} if counts else _pair(names, shares, float, "--shares"),
        _pair(names, counts, int, "--counts") if counts else None,
        MAX_DISTANCE if distance is None else distance,
        lambda ids: track(ids, "Comparing"),
    )
    click.echo("\n".join(_lines(report, names.split(","))))


def _pair(names: str, values: str, kind: type[Number], option: str) -> dict[str, Number]:
    """Return the number of each name."""
    words, keys = values.split(","), names.split(",")
    try:
        numbers = [kind(word) for word in words]
    except ValueError:
        raise click.UsageError(
            f"{option} must be numbers parted by commas, got '{values}'. Give 3,1,1 or so."
        ) from None
    if len(numbers) != len(keys) or len(set(keys)) != len(keys):
        raise click.UsageError(
            f"{option} must be one number for each of the names {names}, got '{values}'. "
            "Give as many, and each name once."
        )
    return dict(zip(keys, numbers, strict=True))


def _lines(report: SplitReport, names: list[str]) -> Iterator[str]:
    yield f"{'images':<10}" + "".join(f"{name:>9}" for name in names)
    for subset in sorted({subset for subset, _ in report.sizes}):
        sizes = (report.sizes.get((subset, name), 0) for name in names)
        yield f"{subset or 'all':<10}" + "".join(f"{size:>9}" for size in sizes)
    if report.groups:
        photos = sum(len(group) for group in report.groups)
        yield f"{photos} photos in {len(report.groups)} groups of near-duplicates stay together:"
        yield from (f"  {' '.join(group)}" for group in report.groups[:_SHOWN_GROUPS])
        if len(report.groups) > _SHOWN_GROUPS:
            yield f"  and {len(report.groups) - _SHOWN_GROUPS} groups more"
    yield f"{report.changed} images changed their split"
