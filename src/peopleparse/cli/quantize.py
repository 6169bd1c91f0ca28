"""`peopleparse quantize`: a network in INT8, calibrated with photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@click.command()
@click.argument("photos", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--model", default="gpsnet_mobilenet_v2", show_default=True, help="Name or folder.")
@click.option(
    "--count",
    default=300,
    show_default=True,
    type=click.IntRange(min=1),
    help="Photos to calibrate with; all where there are fewer.",
)
@click.option("--seed", default=0, show_default=True, help="By which the photos are drawn.")
def quantize(photos: Path, out: Path, model: str, count: int, seed: int) -> None:
    """Write a network in INT8 into OUT, calibrated with photos of the folder PHOTOS.

    The photos must be like those that will be parsed; annotations are not needed. For a network of
    your own give its folder as --model. Photos that cannot be read are named and left out.

    Needs the extra and onnx: pip install 'peopleparse[openvino]' onnx
    """
    from peopleparse.cli.extras import need_extra
    from peopleparse.inference.exported import as_passport
    from peopleparse.inference.folder import find_photos
    from peopleparse.inference.quantize import quantize_model

    need_extra("openvino", "nncf", "onnx")
    found = draw(find_photos([photos], skip=out), count, seed)
    report = quantize_model(as_passport(model), _read(found), out, seed)
    click.echo(
        f"Calibrated with {report.people} people in {report.photos} photos; "
        f"{report.same:.2%} of the pixels have the same part as before.",
        err=True,
    )
    click.echo(report.passport)


def draw(photos: list[Any], count: int, seed: int) -> list[Any]:
    """Return so many photos, drawn by a seed; all where there are fewer.

    >>> draw([5, 6, 7], 9, 0)
    [5, 6, 7]
    """
    import random

    return photos if count >= len(photos) else sorted(random.Random(seed).sample(photos, count))


def _read(photos: list[Path]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    from rich.console import Console
    from rich.progress import track

    from peopleparse.errors import InputError
    from peopleparse.inference.image import read_image
    from peopleparse.inference.passport import file_sha256

    for photo in track(photos, "looking", transient=True, console=Console(stderr=True)):
        try:
            yield file_sha256(photo), read_image(photo)
        except InputError as error:
            click.echo(f"Error: {' '.join(str(error).split())}", err=True)
