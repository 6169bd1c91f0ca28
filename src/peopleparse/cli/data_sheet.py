"""`peopleparse data sheet`: photos of several data sets with their labels, and one legend."""

from __future__ import annotations

from pathlib import Path

import click

DATA_SETS = click.Path(path_type=Path)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=DATA_SETS, metavar="DATA_SET...")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="PNG to write.")
@click.option("--name", "names", multiple=True, help="What to call each data set; one each.")
@click.option("--format", "formats", multiple=True, help="One for all or one each.")
@click.option("--scheme", "schemes", multiple=True, help="One for all or one each.")
@click.option(
    "--count", type=click.IntRange(1, 12), default=4, show_default=True, help="Images of each set."
)
@click.option("--width", type=click.IntRange(400, 6000), default=1600, show_default=True)
def sheet(
    paths: tuple[Path, ...],
    out: Path,
    names: tuple[str, ...],
    formats: tuple[str, ...],
    schemes: tuple[str, ...],
    count: int,
    width: int,
) -> None:
    """Draw annotated examples of data sets on one picture, as the LIP paper's Fig. 1.

    Each data set has a row of photos, each with its labels beside it; labels of one name have one
    colour throughout, and the legend names those that are seen. Images stand at even distances in
    the order of their ids. An image that cannot be read is named; the exit status is then 1.
    """
    import io

    from PIL import Image

    from peopleparse.cli.data_stats import name_sets, one_each
    from peopleparse.data.files import write_file
    from peopleparse.data.label_samples import choose_samples, read_sample
    from peopleparse.data.whole_sets import open_whole
    from peopleparse.errors import DataError, PeopleparseError
    from peopleparse.structures import ParsedPeople
    from peopleparse.viz.set_sheet import draw_set_sheet

    called, faults = name_sets(paths, names), list[str]()
    rows: dict[str, list[ParsedPeople]] = {}
    kinds, labels = one_each("format", formats, paths), one_each("scheme", schemes, paths)
    for path, name, kind, scheme in zip(paths, called, kinds, labels, strict=True):
        source, rows[name] = open_whole(path, kind, scheme), []
        for image_id in choose_samples(source.ids, count):
            try:
                rows[name].append(read_sample(source, image_id))
            except PeopleparseError as error:
                faults.append(str(error))
        if not rows[name]:
            raise DataError(faults[-1])
    picture = io.BytesIO()
    Image.fromarray(draw_set_sheet(rows, width)).save(picture, "PNG", optimize=True)
    write_file(out, picture.getvalue())
    click.echo(f"{sum(len(row) for row in rows.values())} images of {len(rows)} data sets: {out}")
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        raise click.exceptions.Exit(1)
