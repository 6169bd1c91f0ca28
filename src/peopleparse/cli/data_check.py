"""`peopleparse data check`: every fault of a data set, in any format, before it is trained on."""

from __future__ import annotations

from pathlib import Path

import click

from peopleparse.errors import DataError

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("folders", type=FOLDER, nargs=-1, required=True, metavar="FOLDER...")
@click.option("--format", "kind", metavar="NAME", help="Format of the labels; found if not given.")
@click.option("--scheme", metavar="NAME", help="Label scheme; ids:20 for 20 without names.")
def check(folders: tuple[Path, ...], kind: str | None, scheme: str | None) -> None:
    """Check every file of a data set, in any format; exit 1 if something is wrong.

    Of several folders in the GPS form the check also finds ids and pictures that are in two splits.
    """
    from peopleparse.data.gps_split import check_apart

    count, gps = 0, list[Path]()
    for folder in folders:
        if kind in (None, "gps") and scheme is None and _has_annotations(folder):
            gps.append(folder)
            problems, notes = _check_gps(folder)
        else:
            problems, notes = _check_labels(folder, kind, scheme)
        for line in (*problems, *(f"Note: {note}" for note in notes)):
            click.echo(line)
        if problems:
            click.echo(f"{len(problems)} problems in {folder}", err=True)
        else:
            click.echo(f"No problems in {folder}")
        count += len(problems)
    shared = check_apart(gps) if len(gps) > 1 else []
    for problem in shared:
        click.echo(problem)
    if count or shared:
        raise click.exceptions.Exit(1)


def _has_annotations(folder: Path) -> bool:
    """Return whether a folder is meant in the GPS form; MHP has PNGs in a folder of that name."""
    inner = folder / "annotations"
    if not folder.is_dir():
        return True  # its error names the folder
    return inner.is_dir() and any(each.is_dir() for each in inner.iterdir())


def _check_gps(folder: Path) -> tuple[list[str], list[str]]:
    from peopleparse.cli.data import track
    from peopleparse.data.gps_check import check_dataset, note_dataset

    return check_dataset(folder, track), note_dataset(folder)


def _check_labels(
    folder: Path, kind: str | None, scheme: str | None
) -> tuple[list[str], list[str]]:
    """Return the faults of labels in the form of another data set, and what is worth knowing."""
    from peopleparse.cli.data import track
    from peopleparse.data.map_check import check_counts, check_maps
    from peopleparse.data.map_labels import MapLabels
    from peopleparse.data.whole_sets import open_whole

    source = open_whole(folder, kind, scheme)
    notes = [f"format {source.format}, scheme {source.scheme.name}, {len(source.ids)} images."]
    if not isinstance(source, MapLabels):
        return [fault for i in track(source.ids) for fault in source.faults_of(i)], notes
    problems = check_maps(source, track)
    try:
        check_counts(source)
    except DataError as error:  # a part of a data set is a data set
        notes.append(f"not the whole published set: {error}")
    return problems, notes
