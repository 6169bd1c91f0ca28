"""`peopleparse scenes`: compose group photos with exact truth, and look at them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peopleparse.cli.data import check_new_folder, hash_folder, track
from peopleparse.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from peopleparse.data.scenes import Scene, SceneMaker

RECIPE = "scenes.json"
_TILE = (240, 640)  # photo and overlay side by side


@click.group()
def scenes() -> None:
    """Compose group photos from single people, with exact truth."""


@scenes.command()
@click.argument("preset", type=click.Choice(["indoor", "outdoor"]))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--data", "root", type=click.Path(path_type=Path), required=True, metavar="DIR",
    help="Folder that holds ccp/ (people) and backgrounds/ (photos without people).",
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
    preset: str, out: Path, root: Path, split: str, count: int, seed: int, width: int, height: int
) -> None:
    """Write scenes of a PRESET into the new folder OUT, in the GPS form, with their recipe.

    Scene number i of a seed is always the same scene, however many are made.
    """
    from peopleparse import __version__
    from peopleparse.data.files import new_folder, write_file
    from peopleparse.data.people import read_backgrounds, read_portraits
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
        recipe["persons"] = sum(
            write_scene(part, maker, preset, split, (seed, index), (width, height))
            for index in track(range(count), "Composing")
        )
        recipe["sha256"] = hash_folder(part)
        write_file(part / RECIPE, (json.dumps(recipe, indent=1) + "\n").encode())
    click.echo(f"{count} scenes, {recipe['persons']} persons: {out}")
    click.echo(f"sha256 of all images and maps: {recipe['sha256']}")


def write_scene(
    folder: Path,
    maker: SceneMaker,
    preset: str,
    split: str,
    seed: tuple[int, int],
    size: tuple[int, int],
) -> int:
    """Make one scene, write it into a GPS folder and return its number of persons.

    Args:
        folder: the data set.
        maker: of the split's people.
        preset: "indoor" or "outdoor".
        split: written into the record.
        seed: seed of the set, and number of the scene in it.
        size: width and height in pixels.
    """
    from peopleparse.data.gps import write_annotation
    from peopleparse.data.scenes import PRESETS

    scene: Scene = maker.make(seed, PRESETS[preset], *size)
    annotation = replace(scene.annotation, image_id=f"{preset}_{seed[1]:05d}")
    facts = zip(scene.photo_ids, scene.truncated, scene.occluded, strict=True)
    persons = [{"photo_id": i, "truncated": cut, "occluded": hid} for i, cut, hid in facts]
    extra = {"scene": {"preset": preset, "seed": list(seed)}}
    write_annotation(folder, annotation, scene.image, preset, split, extra, persons)
    return len(annotation)


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
