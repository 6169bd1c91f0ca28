"""`peopleparse scenes`: compose group photos with exact truth, and look at them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peopleparse.cli.data import check_new_folder, hash_folder, track
from peopleparse.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


RECIPE, GPS_LIKE = "scenes.json", "gps-like"
_TILE = (240, 640)  # photo and overlay side by side


@click.group()
def scenes() -> None:
    """Compose group photos from single people, with exact truth."""


@scenes.command()
@click.argument("preset", type=click.Choice(["indoor", "outdoor", GPS_LIKE]))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--data", "root", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder that holds ccp/ (people) and backgrounds/ (photos without people).",
)  # fmt: skip
@click.option(
    "--root", "ccp", type=click.Path(path_type=Path), metavar="CCP",
    help=f"For {GPS_LIKE}: the folder of Clothing Co-Parsing; nothing else is needed.",
)  # fmt: skip
@click.option(
    "--share", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True,
    help=f"For {GPS_LIKE}: only the first part of each split.",
)  # fmt: skip
@click.option(
    "--split", type=click.Choice(["train", "val"]), default="val", show_default=True,
    help="Whose people and backgrounds to take.",
)  # fmt: skip
@click.option("--count", type=click.IntRange(min=1), default=300, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--width", type=click.IntRange(64, 8192), default=640, show_default=True)
@click.option("--height", type=click.IntRange(64, 8192), default=480, show_default=True)
def make(
    preset: str,
    out: Path,
    root: Path | None,
    ccp: Path | None,
    share: float,
    split: str,
    count: int,
    seed: int,
    width: int,
    height: int,
) -> None:
    """Write scenes of a PRESET into the new folder OUT, in the GPS form, with their recipe.

    Scene number i of a seed is always the same scene, however many are made. The preset gps-like
    is a fixed benchmark of two sets, always the same: --split to --height do not apply.
    """
    if preset == GPS_LIKE:
        _make_gps_like(out, ccp or (root / "ccp" if root else None), share)
        return
    if root is None:
        raise click.UsageError(f"--data must be given for {preset}, got none. Name the folder.")
    from peopleparse import __version__
    from peopleparse.data.files import new_folder, write_file
    from peopleparse.data.people import read_backgrounds, read_portraits
    from peopleparse.data.scene_files import write_scene
    from peopleparse.data.scenes import PRESETS, SceneMaker

    check_new_folder(out)
    people = read_portraits(root / "ccp", split)
    backgrounds = read_backgrounds(root / "backgrounds", split)
    maker = SceneMaker(people, backgrounds)
    recipe: dict[str, Any] = {
        "made_by": f"peopleparse {__version__}",
        "preset": asdict(PRESETS[preset]),
        "split": split,
        "seed": seed,
        "count": count,
        "width": width,
        "height": height,
        "people": [portrait.photo_id for portrait in people],
        "backgrounds": len(backgrounds),
    }
    with new_folder(out) as part:
        recipe["persons"] = 0
        for index in track(range(count), "Composing"):
            scene = maker.make((seed, index), PRESETS[preset], width, height)
            about = {"preset": preset, "seed": [seed, index]}
            recipe["persons"] += write_scene(
                part, scene, f"{preset}_{index:05d}", preset, split, about
            )
        recipe["sha256"] = hash_folder(part)
        write_file(part / RECIPE, (json.dumps(recipe, indent=1) + "\n").encode())
    click.echo(f"{count} scenes, {recipe['persons']} persons: {out}")
    click.echo(f"sha256 of all images and maps: {recipe['sha256']}")


def _make_gps_like(out: Path, ccp: Path | None, share: float) -> None:
    from peopleparse.data.gps_like import write_stand_in

    if ccp is None:
        raise click.UsageError(f"--root must be given for {GPS_LIKE}, got none. Name the folder.")
    check_new_folder(out)
    about = write_stand_in(ccp, out, share, lambda names: track(names, "Composing"))
    for entry in about["splits"]:
        mean = entry["persons"] / entry["scenes"]
        known = {True: ", as published", False: ", NOT as published"}.get(
            entry.get("as_published"), ""
        )
        click.echo(
            f"{entry['subset']:8}{entry['split']:6}{entry['scenes']:5} scenes, {mean:.2f} persons "
            f"each, truth {entry['truth_sha256'][:16]}{known}"
        )
    if any(entry.get("as_published") is False for entry in about["splits"]):
        raise InputError(
            "truth must have the published hashes, got others (above). Check that Clothing "
            "Co-Parsing is whole; another OpenCV may warp differently."
        )


@scenes.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path), metavar="OUT.png")
@click.option("--count", type=click.IntRange(min=1), default=24, show_default=True)
@click.option("--columns", type=click.IntRange(min=1), default=3, show_default=True)
@click.option(
    "--color-by", type=click.Choice(["part", "person"]), default="part", show_default=True
)
def sheet(folder: Path, out: Path, count: int, columns: int, color_by: str) -> None:
    """Draw the first images of a GPS FOLDER beside their people, on one contact sheet."""
    import cv2

    from peopleparse.data.files import write_file
    from peopleparse.data.gps import GpsDataset
    from peopleparse.viz import draw_sheet

    if out.suffix.lower() != ".png":
        raise click.UsageError(f"OUT must end in .png, got '{out}'. Name a PNG file.")
    dataset = GpsDataset(folder)
    if not dataset.ids:
        raise InputError(f"GPS folder must hold an image, got none, at {folder}. Make some first.")
    tiles, captions = [], []
    for number in range(min(count, len(dataset))):
        image, annotation = dataset[number]
        tiles.append(
            _draw_beside(image, *annotation.flatten()[:2], annotation.scheme.name, color_by)
        )
        captions.append(f"{annotation.image_id}: {len(annotation)}")
    picture = draw_sheet(tiles, columns, captions, _TILE)
    write_file(out, cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    click.echo(f"{len(tiles)} of {len(dataset)} images: {out}")


def _draw_beside(
    image: NDArray[np.uint8],
    parsing: NDArray[np.uint8],
    instances: NDArray[np.uint16],
    scheme: str,
    color_by: str,
) -> NDArray[np.uint8]:
    import numpy as np

    from peopleparse.structures import ParsedPeople

    result = ParsedPeople.from_maps(parsing, instances, scheme=scheme, image=image)
    return np.concatenate([image, result.draw(color_by=color_by)], axis=1)
