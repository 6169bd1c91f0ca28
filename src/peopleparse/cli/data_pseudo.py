"""`peopleparse data pseudo-labels`: maps of the photos that have garment tags only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from peopleparse.structures import ParsedPeople

FOLDER = click.Path(path_type=Path, file_okay=False)
SCALES = (0.75, 1.0, 1.25)


@click.command("pseudo-labels")
@click.argument("out", type=FOLDER)
@click.option("--root", required=True, type=FOLDER, help="Folder of Clothing Co-Parsing.")
@click.option("--model", default=None, help="Name or path of a network.  [default: the shipped]")
@click.option("--detail", default="normal", show_default=True, help="fast, normal or fine.")
@click.option("--engine", default="auto", show_default=True, help="As in peopleparse parse.")
@click.option("--threads", type=click.IntRange(min=1), help="Processor threads.  [default: all]")
@click.option("--limit", type=click.IntRange(min=1), help="Look at the first so many photos only.")
def pseudo_labels(
    out: Path,
    root: Path,
    model: str | None,
    detail: str,
    engine: str,
    threads: int | None,
    limit: int | None,
) -> None:
    """Draw the maps of photos that have garment tags and no map, for training; write them into OUT.

    A network looks at every photo twice, plainly, and mirrored and in three sizes. It is told the
    tags: what nobody wears it cannot draw, and what somebody wears it draws sooner. A photo is kept
    where both looks see the same main person, and pixels on which they differ are ignored. Training
    uses the maps where the recipe says so and OUT is pseudo_labels/ of the data folder.
    """
    from peopleparse.cli.data import track
    from peopleparse.data.ccp import CcpDataset
    from peopleparse.data.people import read_portraits
    from peopleparse.data.pseudo_labels import (
        agree,
        label_shares,
        tag_logits,
        worn_labels,
        write_pseudo_labels,
    )
    from peopleparse.inference.engines import build_engine
    from peopleparse.inference.exported import DEFAULT_MODEL, as_passport
    from peopleparse.inference.pipeline import Options, parse_image
    from peopleparse.training.tagged_engine import TaggedEngine

    dataset = CcpDataset(root)
    shares = label_shares(read_portraits(root, "train"))
    passport = as_passport(model or DEFAULT_MODEL)
    plain, careful = Options(detail), Options(detail, scales=SCALES, flip=True)
    network = build_engine(engine, model or DEFAULT_MODEL, threads)
    ids, kept = dataset.tagged_ids[:limit], list[str]()

    def draw() -> Iterator[tuple[str, NDArray[np.uint8], ParsedPeople]]:
        for photo_id in track(ids, "Drawing maps"):
            photo = dataset.read_photo(photo_id)
            worn = worn_labels(dataset.read_tags(photo_id))
            knowing = TaggedEngine(network, tag_logits(worn, shares))
            looks = [parse_image(knowing, photo, options) for options in (careful, plain)]
            parsing = agree(*looks)
            if parsing is not None:
                kept.append(photo_id)
                yield photo_id, parsing, looks[0]

    about = {
        "model": {"name": passport.name, "sha256": dict(passport.sha256)},
        "detail": detail,
        "scales": SCALES,
        "flip": True,
    }
    path = write_pseudo_labels(out, draw(), about)
    click.echo(f"maps of {len(kept)} of {len(ids)} photos: {path}")
