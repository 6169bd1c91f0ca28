"""`peopleparse studio export` and `studio import`: a project in the formats of other tools."""

from __future__ import annotations

import click


@click.command("export")
@click.argument("project", type=click.Path())
@click.argument("format")
@click.argument("out", type=click.Path())
@click.option(
    "--layout", default="copies", show_default=True,
    help="copies: a copy of the photo for each person; together: all persons on one picture.",
)  # fmt: skip
@click.option("--no-photos", is_flag=True, help="Write the labels only.")
def export(project: str, format: str, out: str, layout: str, no_photos: bool) -> None:
    """Write PROJECT in FORMAT into the new folder OUT, or into OUT.zip, and print what is lost.

    FORMAT is gps, coco, cvat, label-studio, labelme or datumaro. What was written is read again
    and compared.
    """
    from peopleparse.cli.data import track
    from peopleparse.studio.exchange import export_project
    from peopleparse.studio.project import open_project

    report = export_project(
        open_project(project, read_only=True), format, out, layout, not no_photos,
        track=lambda ids: track(ids, "Exporting"),
    )  # fmt: skip
    click.echo("\n".join([*report.lines(), f"Written: {out}"]))
    if report.different:
        raise click.exceptions.Exit(1)


@click.command("import")
@click.argument("project", type=click.Path())
@click.argument("format")
@click.argument("path", type=click.Path())
@click.option("--annotator", metavar="NAME", help="Whom to name where labels change.")
def import_(project: str, format: str, path: str, annotator: str | None) -> None:
    """Take the persons in PATH over into PROJECT, all or nothing, and print what is lost.

    FORMAT is gps, coco, cvat, label-studio, labelme or datumaro; PATH a folder, a zip archive, or
    the JSON or XML of the tool itself. Photos that the project does not have are named, and the
    exit status is then 1.
    """
    from peopleparse.cli.data import track
    from peopleparse.studio.exchange import import_into
    from peopleparse.studio.project import open_project

    report = import_into(
        open_project(project), format, path, annotator,
        track=lambda ids: track(ids, "Importing"),
    )  # fmt: skip
    click.echo("\n".join(report.lines()))
    if report.unknown:
        raise click.exceptions.Exit(1)
