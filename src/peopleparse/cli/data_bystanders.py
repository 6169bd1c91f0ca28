"""`peopleparse data bystanders`: whom nobody annotated in single-person photos."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("out", type=FOLDER)
@click.option("--root", required=True, type=FOLDER, help="Folder of Clothing Co-Parsing.")
@click.option("--model", default=None, help="Name or path of a network.  [default: the shipped]")
@click.option("--detail", default="fine", show_default=True, help="fast, normal or fine.")
@click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Lowest score of a bystander.  [default: 0.1]"
)
@click.option("--threads", type=click.IntRange(min=1), help="Processor threads.  [default: all]")
@click.option("--limit", type=click.IntRange(min=1), help="Look at the first so many photos only.")
def bystanders(
    out: Path,
    root: Path,
    model: str | None,
    detail: str,
    threshold: float | None,
    threads: int | None,
    limit: int | None,
) -> None:
    """Find the people in training photos whom nobody annotated; write OUT/bystanders.json.

    A network looks at every photo to train that has a garment map. A person it finds is a bystander
    where at most 30 % of its pixels lie on the annotated one. Training leaves bystanders out of its
    loss where the recipe says so and OUT is bystanders/ of the data folder.
    """
    from peopleparse.cli.data import track
    from peopleparse.data.bystanders import THRESHOLD, find_bystanders, write_bystanders
    from peopleparse.data.people import read_portraits
    from peopleparse.inference.onnx_engine import DEFAULT_MODEL
    from peopleparse.inference.parser import Parser
    from peopleparse.inference.passport import find_passport, read_passport

    least = THRESHOLD if threshold is None else threshold
    passport = read_passport(find_passport(model or DEFAULT_MODEL))
    parser = Parser(passport.folder / f"{passport.name}.json", detail, least, threads)
    photos = {}
    for portrait in track(read_portraits(root, "train", limit), "Looking for bystanders"):
        people = parser(portrait.image)
        photos[portrait.photo_id] = find_bystanders(people, portrait.parsing > 0, least)
    found = {"name": passport.name, "sha256": dict(passport.sha256)}
    path = write_bystanders(
        out, photos, {"model": found, "detail": detail, "threshold": least, "split": "train"}
    )
    some = sum(bool(people) for people in photos.values())
    count = sum(len(people) for people in photos.values())
    click.echo(f"{count} bystanders in {some} of {len(photos)} photos: {path}")
