"""`peopleparse demo`: parse photos that are already on this machine and show a page."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import click

from peopleparse.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from peopleparse.structures import ParsedPeople

_TITLE = "peopleparse: every person, every part"


@dataclass(frozen=True)
class _Photo:
    name: str
    image: NDArray[np.uint8]
    note: str


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default="demo", show_default=True,
    metavar="DIR", help="Where to write; made where missing.",
)  # fmt: skip
@click.option("--open/--no-open", "show", default=True, help="Open the page in a browser.")
def demo(out: Path, show: bool) -> None:
    """Parse a few photos that come with installed libraries and write a page of the results.

    Nothing is downloaded. Overlays, label PNGs and JSON are written beside the page.
    """
    from peopleparse import inference, viz

    photos = find_photos()
    parser = inference.Parser()
    results: list[ParsedPeople] = []
    timings: list[dict[str, float]] = []
    for photo in photos:
        start = perf_counter()
        result = parser(photo.image)
        timings.append({"parsed in": perf_counter() - start})
        result.source = photo.name
        result.save(out)
        results.append(result)
        found = "1 person" if len(result) == 1 else f"{len(result)} people"
        click.echo(f"{photo.name}: {found}")
    page = viz.write_page(results, out, _TITLE, [photo.note for photo in photos], timings)
    click.echo(f"Page: {page.resolve()}")
    if show and _has_screen():
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


def find_photos() -> list[_Photo]:
    """Return the photos of the demonstration: three real ones, a montage and a drawing.

    Raises:
        InputError: the libraries that bring the photos are not installed.
    """
    from peopleparse import viz

    astronaut = _read(
        _sample("skimage", "scikit-image", "data/astronaut.png"),
        "Astronaut Eileen Collins. Photo: NASA, public domain; comes with scikit-image.",
    )
    hopper = _read(
        _sample("matplotlib", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
        "Commodore Grace Hopper. Photo: US Navy, public domain; comes with matplotlib.",
    )
    cameraman = _read(
        _sample("skimage", "scikit-image", "data/camera.png"),
        "Cameraman. Photo: Lav Varshney, CC0; comes with scikit-image.",
    )
    drawing = viz.draw_scene().image
    assert drawing is not None
    return [
        _Photo(
            "group.png", _join(astronaut.image, hopper.image), "The next two photos side by side."
        ),
        astronaut,
        hopper,
        cameraman,
        _Photo("drawn.png", drawing, "Drawn with simple shapes: not what the model was made for."),
    ]


def _sample(module: str, library: str, name: str) -> Path:
    # The file itself and not the library's own reader: that one may go to the network.
    spec = find_spec(module)
    path = Path(spec.origin).parent / name if spec and spec.origin else None
    if path is None or not path.is_file():
        raise InputError(
            f"the photos of the demonstration must be installed, got no {Path(name).name} of "
            f"{library}. Install them: pip install 'peopleparse[demo]'."
        )
    return path


def _read(path: Path, note: str) -> _Photo:
    from peopleparse import inference

    return _Photo(path.name, inference.read_image(path), note)


def _join(*photos: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import numpy as np

    height = min(len(photo) for photo in photos)
    return np.concatenate([photo[:height] for photo in photos], axis=1)


def _has_screen() -> bool:
    if os.environ.get("CI"):
        return False
    if sys.platform.startswith("linux"):  # without a screen, a text browser would block
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True
