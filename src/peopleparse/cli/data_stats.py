"""`peopleparse data stats`: count data sets in any format, side by side."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peopleparse.errors import DataError, InputError, PeopleparseError

if TYPE_CHECKING:
    from peopleparse.data.label_source import FileLabels
    from peopleparse.viz.statistics_page import Sheet
    from peopleparse.viz.statistics_tables import Table

DATA_SETS = click.Path(path_type=Path)
_COLUMNS, _TILE = 4, (240, 320)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=DATA_SETS, metavar="DATA_SET...")
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="New folder for statistics.html, the figures as SVG, PDF and PNG, and the numbers.",
)  # fmt: skip
@click.option("--name", "names", multiple=True, help="What to call each data set; one each.")
@click.option(
    "--format", "formats", multiple=True,
    help="Format of the labels, such as gps, cihp, mhp-v2, lip, coco; one for all or one each.",
)  # fmt: skip
@click.option("--scheme", "schemes", multiple=True, help="Label scheme; one for all or one each.")
@click.option("--split", help="Count only the images of this split, of GPS folders.")
@click.option(
    "--samples", type=click.IntRange(0, 100), default=8, show_default=True,
    help="Images of each set to show on the page.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def stats(
    paths: tuple[Path, ...],
    out: Path | None,
    names: tuple[str, ...],
    formats: tuple[str, ...],
    schemes: tuple[str, ...],
    split: str | None,
    samples: int,
    as_json: bool,
) -> None:
    """Count persons per image, appearances of each part, sizes and overlaps.

    DATA_SET is a folder, archive or JSON file of labels, in any format of docs/formats.md; several
    stand side by side. An image that cannot be read is left out and named; the exit status is
    then 1.
    """
    from peopleparse.cli.data import check_new_folder, track
    from peopleparse.data.statistics import keep_split, measure_dataset
    from peopleparse.data.whole_sets import open_whole

    if out is not None:
        _check_drawing()
        check_new_folder(out)
    called = name_sets(paths, names)
    kinds, labels = one_each("format", formats, paths), one_each("scheme", schemes, paths)
    sets: list[dict[str, Any]] = []
    sources: list[FileLabels] = []
    faults: list[str] = []
    for path, name, kind, scheme in zip(paths, called, kinds, labels, strict=True):
        source = open_whole(path, kind, scheme)
        if split is not None:
            keep_split(source, split)
        known = len(faults)
        found = measure_dataset(source, faults=faults, track=partial(track, what="Counting"))
        if not found.images:
            raise DataError(faults[known])
        sets.append({"name": name} | found.to_dict())
        sources.append(source)
    if out is not None:
        _write(out, sets, sources, samples, faults)
    click.echo(json.dumps({"sets": sets}, indent=1) if as_json else "\n".join(_tables(sets)))
    if out is not None:
        click.echo(f"Page, figures and numbers: {out}", err=as_json)
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        click.echo(f"{len(faults)} images left out", err=True)
        raise click.exceptions.Exit(1)


def _check_drawing() -> None:
    from peopleparse.viz.figure_style import check_matplotlib

    check_matplotlib()


def one_each(what: str, given: Sequence[str], paths: Sequence[Path]) -> list[str | None]:
    """Return an option for each path: none, the same for all, or its own.

    Raises:
        InputError: there are neither none, one nor as many as paths.
    """
    if len(given) not in (0, 1, len(paths)):
        raise InputError(
            f"--{what} must be given once or once a data set, got {len(given)} for "
            f"{len(paths)} data sets. Repeat it in the order of the data sets."
        )
    if len(given) == len(paths):
        return list(given)
    return [given[0] if given else None for _ in paths]


def name_sets(paths: Sequence[Path], names: Sequence[str]) -> list[str]:
    """Return the given names, or the shortest ends of the paths that tell them apart.

    Raises:
        InputError: names are given, but not one each, or twice the same.
    """
    if names and (len(names) != len(paths) or len(set(names)) < len(names)):
        raise InputError(
            f"--name must be given once a data set, each another, got {list(names)} for "
            f"{len(paths)} data sets. Repeat it in the order of the data sets."
        )
    if names:
        return list(names)
    parts = [path.resolve().parts for path in paths]
    twice = [path for path, count in Counter(parts).items() if count > 1]
    if twice:
        raise InputError(
            f"data sets must be given once, got '{Path(*twice[0])}' again. Take it out."
        )
    lengths = [1] * len(paths)
    while True:
        called = ["/".join(part[-n:]).lstrip("/") for part, n in zip(parts, lengths, strict=True)]
        counts = Counter(called)
        if max(counts.values()) == 1:
            return called
        lengths = [n + (counts[name] > 1) for n, name in zip(lengths, called, strict=True)]


def _write(
    out: Path,
    sets: list[dict[str, Any]],
    sources: list[FileLabels],
    samples: int,
    faults: list[str],
) -> None:
    """Write page, figures and numbers; the folder appears whole or not at all."""
    from peopleparse.data.files import new_folder
    from peopleparse.data.published_sets import GPS_TABLE, LIP_TABLE
    from peopleparse.viz.statistics_figures import draw_statistics
    from peopleparse.viz.statistics_page import make_page
    from peopleparse.viz.statistics_tables import overview_table

    published = [row.to_dict() for row in GPS_TABLE]
    sheets = [
        sheet
        for found, source in zip(sets, sources, strict=True)
        if (sheet := _draw_samples(found["name"], source, samples)) is not None
    ]
    figures = draw_statistics(sets)
    title = f"Data sets: {', '.join(found['name'] for found in sets)}"
    page = make_page(
        title, sets, figures, sheets, published, [row.to_dict() for row in LIP_TABLE], faults
    )
    with new_folder(out) as part:
        (part / "statistics.html").write_text(page, encoding="utf-8")
        text = json.dumps({"sets": sets}, indent=1, ensure_ascii=False)
        (part / "statistics.json").write_text(f"{text}\n", encoding="utf-8")
        table = _to_csv(overview_table(sets, published))
        (part / "table_1.csv").write_text(table, encoding="utf-8")
        for figure in figures.values():
            for kind, data in figure.files.items():
                (part / f"{figure.key}.{kind}").write_bytes(data)


def _draw_samples(name: str, source: FileLabels, count: int) -> Sheet | None:
    """Return a sheet of a data set's images at even distances; broken ones are passed over."""
    from peopleparse.data.label_samples import choose_samples, read_sample
    from peopleparse.viz import draw_overlay, draw_sheet
    from peopleparse.viz.statistics_page import Sheet

    tiles, captions = [], []
    for image_id in choose_samples(source.ids, count):
        try:
            result = read_sample(source, image_id)
        except PeopleparseError:
            continue  # its fault is told with the numbers
        people = bool(result.people)
        tiles.append(draw_overlay(result, outlines=people, numbers=people))
        captions.append(f"{image_id}: {len(result)}" if people else image_id)
    if not tiles:
        return None
    about = f"{len(tiles)} of {len(source.ids)} images, at even distances; after the name: persons."
    return Sheet(name, draw_sheet(tiles, _COLUMNS, captions, _TILE), about)


def _to_csv(table: Table) -> str:
    """Return a table for programs: plain numbers, words for marks, nothing for a dash."""
    words = {"\u2713": "yes", "\u2717": "no", "\u2013": ""}
    rows = [
        [row[0], *(words.get(cell, cell.replace(",", "")) for cell in row[1:])]
        for row in table.rows
    ]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([table.head, *rows])
    return buffer.getvalue()


def _tables(sets: list[dict[str, Any]]) -> list[str]:
    """Return the lines of all tables."""
    from peopleparse.viz import statistics_tables as tables

    lines = list[str]()
    for table in (
        tables.overview_table(sets), tables.split_table(sets), tables.persons_table(sets),
        *tables.part_tables(sets), tables.size_table(sets), tables.overlap_table(sets),
        tables.resolution_table(sets),
    ):  # fmt: skip
        rows = [table.head, *table.rows]
        widths = [max(len(row[n]) for row in rows) for n in range(len(table.head))]
        lines += ["", table.title] if lines else [table.title]
        lines += [
            "  ".join(
                cell.rjust(width) if n else cell.ljust(width)
                for n, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
    return lines
